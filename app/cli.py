"""The command line: every stage brings its commands, this table puts them together."""

import sys
from importlib import import_module

import click

from core.errors import CrusoeError

# name -> module:what. A module is imported when its command is called, so that `crusoe status` answers at once. What
# stands behind the colon is a command, or a function that adds commands to a group.
COMMANDS = {
    "up": "app.supervisor.cli:register",
    "stop": "app.supervisor.cli:register",
    "restart": "app.supervisor.cli:register",
    "status": "app.supervisor.cli:register",
    "demo": "app.demo.cli:register",
    "apply": "app.commands.administration:register",
    "import": "app.commands.imports:import_group",
    "lists": "app.commands.lists:lists_group",
    "block": "app.commands.block:block_group",
    "bounce": "app.commands.bounce:bounce_group",
    "returns": "app.commands.returns:returns_group",
    "decide": "app.commands.decide:register",
    "rules": "app.commands.rules:rules_group",
    "campaign": "campaigns.cli:campaign_group",
    "hold": "campaigns.hold_cli:hold_group",
    "why": "campaigns.cli:register_why",
    "export": "campaigns.export_cli:export_group",
    "leads": "lead_handover.cli:leads_group",
    "score": "lead_handover.cli:score_group",
    "tracking": "tracking.cli:tracking_group",
    "audit": "app.commands.audit:audit_group",
    "consents": "app.commands.consents:consents_group",
    "evidence": "app.commands.evidence:evidence_group",
    "person": "app.commands.person:person_group",
    "retention": "app.commands.retention:retention_group",
    "user": "app.commands.administration:user_group",
    "sender": "delivery.pace.cli:sender_group",
    "doctor": "delivery.doctor_cli:register",
    "finding": "delivery.doctor_cli:finding_group",
    "dkim": "delivery.dkim_cli:dkim_group",
    "token": "app.commands.tokens:token_group",
    "backup": "app.backup.cli:backup_group",
    "restore": "app.restore.cli:restore_group",
    "keys": "app.commands.administration:keys_group",
}


class CommandTable(click.Group):
    """A group that looks its commands up in the table."""

    def list_commands(self, _context: click.Context) -> list[str]:
        """The names, in the order of the table: the order in which a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, _context: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        found = getattr(import_module(module), name)
        if isinstance(found, click.Command):
            return found
        scratch = click.Group()
        found(scratch)
        return scratch.commands[cmd_name]


@click.command(cls=CommandTable, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def crusoe() -> None:
    """Campaigns that can show why each message was sent, and why each was refused."""
    import_module("core.log").to_standard_error()


def main(arguments: list[str] | None = None) -> None:
    """Run one command. A mistake in its words is wrong input, exit code 1, like any other."""
    try:
        crusoe.main(args=arguments, prog_name="crusoe", standalone_mode=False)
    except click.exceptions.Exit as leave:
        sys.exit(leave.exit_code)
    except click.Abort:
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        sys.exit(1)
    except CrusoeError as error:
        click.secho(str(error), fg="red", err=True)
        sys.exit(error.exit_code)
