// Chooses light or dark before anything is drawn, so that nothing flashes. A classic script: modules wait.
(function () {
  "use strict";
  var chosen = null;
  try {
    chosen = localStorage.getItem("tapwater.theme");
  } catch {
    chosen = null; // Storage can be forbidden: then the system's choice holds.
  }
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
