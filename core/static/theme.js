// Runs before the first paint, so that a dark page never flashes white.
(function () {
  "use strict";
  var root = document.documentElement;
  root.classList.add("with-scripts");
  if (root.dataset.theme === "auto" && window.matchMedia("(prefers-color-scheme: dark)").matches) {
    root.dataset.bsTheme = "dark";
  }
})();
