// Runs before the first paint, so that a dark page never flashes white.
(function () {
  "use strict";
  var root = document.documentElement;
  root.classList.add("with-scripts");
  if (root.dataset.theme !== "auto") {
    return;
  }
  var dark = window.matchMedia("(prefers-color-scheme: dark)");
  function follow() {
    root.dataset.bsTheme = dark.matches ? "dark" : "light";
  }
  follow();
  // Some desktops turn dark in the evening.
  dark.addEventListener("change", follow);
})();
