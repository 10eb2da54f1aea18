// Top-bar menus and figure explanations are <details>: they work without this file. It closes them
// on Escape or on a click elsewhere, and closes the phone navigation on Escape.
const POPUPS = "details.menu[open], details.lineage[open]";

const closeAllBut = (kept) => {
  for (const popup of document.querySelectorAll(POPUPS)) {
    if (popup !== kept) popup.open = false;
  }
};

document.addEventListener("click", (event) => {
  closeAllBut(event.target.closest("details.menu, details.lineage"));
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const open = document.querySelector(POPUPS);
  if (open) {
    const summary = open.querySelector("summary");
    closeAllBut(null);
    summary.focus();
  } else if (location.hash === "#navigation") {
    history.back();
  }
});

// An explanation that would leave the window opens to the left instead. "toggle" does not bubble.
document.addEventListener(
  "toggle",
  (event) => {
    if (!event.target.matches("details.lineage[open]")) return;
    const panel = event.target.querySelector(".lineage-panel");
    if (panel.getBoundingClientRect().right > document.documentElement.clientWidth - 8) {
      event.target.classList.add("to-left");
    }
  },
  true,
);
