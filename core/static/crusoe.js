// Small things that pages do beyond HTML and htmx. Every page also works without this file.
(function () {
  "use strict";
  var root = document.documentElement;

  // Forms carry their token as a field; what htmx sends by itself gets it as a header.
  document.addEventListener("htmx:configRequest", function (event) {
    if (event.detail.verb !== "get") {
      event.detail.headers["X-CSRFToken"] = document.querySelector("meta[name=csrf-token]").content;
    }
  });

  document.addEventListener("click", function (event) {
    var toggler = event.target.closest("[data-toggles]");
    if (toggler) {
      var target = document.getElementById(toggler.dataset.toggles);
      var open = target.classList.toggle("show");
      toggler.setAttribute("aria-expanded", String(open));
    }
    if (event.target.closest("[data-switch=theme]")) {
      var shade = root.dataset.bsTheme === "dark" ? "light" : "dark";
      root.dataset.bsTheme = shade;
      document.cookie = "theme=" + shade + ";path=/;max-age=31536000;samesite=lax";
      document.dispatchEvent(new CustomEvent("crusoe:theme"));
    }
  });

  document.addEventListener("submit", function (event) {
    var question = event.target.dataset.ask;
    if (question && !window.confirm(question)) {
      event.preventDefault();
    }
  });

  document.addEventListener("change", function (event) {
    if (event.target.matches("[data-submits]")) {
      event.target.form.requestSubmit();
    }
  });

  // The preview beside an editor follows what is typed.
  var waiting;
  document.addEventListener("input", function (event) {
    var form = event.target.closest("form[data-previews]");
    if (!form) { return; }
    clearTimeout(waiting);
    waiting = setTimeout(function () { form.requestSubmit(document.getElementById("show-preview")); }, 600);
  });
  document.addEventListener("DOMContentLoaded", function () {
    var form = document.querySelector("form[data-previews]");
    if (form) { form.requestSubmit(document.getElementById("show-preview")); }
  });

  function colour(name) {
    return getComputedStyle(root).getPropertyValue(name).trim();
  }

  // A time series: the numbers stand in a table beside it, which is also what screen readers get.
  function draw(box) {
    if (!window.uPlot) { return; }
    var data = JSON.parse(box.dataset.series);
    box.replaceChildren();
    var ink = colour("--tblr-secondary"), grid = colour("--tblr-border-color");
    var strokes = [colour("--tblr-blue"), colour("--tblr-green"), colour("--tblr-orange")];
    var axis = { stroke: ink, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 } };
    new window.uPlot({
      width: box.clientWidth, height: 220, axes: [axis, axis], legend: { live: false },
      series: [{}].concat(data.labels.map(function (label, index) {
        return { label: label, stroke: strokes[index % strokes.length], width: 2 };
      }))
    }, data.values, box);
  }

  function drawAll() {
    document.querySelectorAll("[data-series]").forEach(draw);
  }

  document.addEventListener("DOMContentLoaded", drawAll);
  document.addEventListener("crusoe:theme", drawAll);
})();
