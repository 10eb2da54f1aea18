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
