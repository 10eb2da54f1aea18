// Keyboard: "/" goes to the search box; an element with data-key="x" is followed or pressed by x.
const isTyping = (element) =>
  element.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(element.tagName);

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (event.key === "/") {
    const search = document.querySelector("[data-search]");
    if (!search) return;
    event.preventDefault();
    search.focus();
    search.select();
    return;
  }
  for (const element of document.querySelectorAll("[data-key]")) {
    if (element.dataset.key !== event.key || element.disabled) continue;
    event.preventDefault();
    if (isTyping(element)) element.focus();
    else element.click();
    return;
  }
});

// A select or checkbox marked data-submit sends its form when it changes.
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});
