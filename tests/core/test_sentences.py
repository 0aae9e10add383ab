"""Sentences remember their words: said in English at once, stored, and said again."""

import copy
import json
import pickle

import pytest

from core.errors import WrongInput
from core.sentences import Count, Sentence, Share, joined, kept, packed, recalled, say, unpacked
from core.telling import told_in


def test_a_sentence_is_english_text_and_remembers_its_words():
    said = say("There is no segment %(code)s.", code="'nobody'")
    assert said == "There is no segment 'nobody'."
    assert (said.words, said.values) == ("There is no segment %(code)s.", {"code": "'nobody'"})


def test_a_sentence_without_values_may_hold_a_per_cent_sign():
    assert say("100 % {% if %}") == "100 % {% if %}"


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda said: pickle.loads(pickle.dumps(said))])  # noqa: S301
def test_a_copy_remembers_too(copied):
    said = copied(say("It must be %(kind)s.", kind=say("a number")))
    assert said.values["kind"].words == "a number"


def test_what_is_stored_comes_back_as_the_same_sentence():
    said = say("%(name)s takes %(kind)s.", name="age", kind=say("at most %(most)s", most=Count(4000)))
    again = recalled(json.loads(json.dumps(kept(said))))
    assert again == said
    assert isinstance(again, Sentence)
    assert again.values["kind"].words == "at most %(most)s"


def test_what_people_wrote_stays_what_it_is():
    assert recalled(kept("no words of ours")) == "no words of ours"
    assert unpacked(packed('{"words": a joke')) == '{"words": a joke'
    assert unpacked(packed(say("paused by %(person)s", person="ada"))) == "paused by ada"


def test_sentences_in_a_row_keep_their_words():
    row = joined([say("of run %(run)s", run=4), "plain"], by="; ")
    assert row == "of run 4; plain"
    assert row.values["part_0"].words == "of run %(run)s"


def test_a_mistake_is_told_as_one_sentence():
    mistake = WrongInput("code", say("Wrong."), say("Mend it."), where="file:3")
    assert str(mistake) == "file:3: Wrong. Mend it."
    assert mistake.told().values["part_1"].values["part_0"].words == "Wrong."


def test_a_sentence_is_told_in_the_language_of_who_reads_it_also_after_it_was_stored():
    words = "Too many complaints: %(count)s of %(all)s (%(share)s, at most %(most)s)."
    why = say(words, count=Count(1234), all=Count(20000), share=Share(6.17, digits=2), most=Share(0.1))
    whole = say("The brake stopped it. %(why)s", why=why)
    english = "The brake stopped it. Too many complaints: 1,234 of 20,000 (6.17 %, at most 0.1 %)."
    for one in (whole, unpacked(packed(whole))):
        assert str(one) == told_in(one, locale="en") == english
        german = told_in(one, locale="de")
        assert "1.234 von 20.000 (6,17 %, höchstens 0,1 %)" in german
        assert "brake" not in german
