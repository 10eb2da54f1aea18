// Partial updates that fail say so; one that was led to another page (the session ended) reloads.
const complain = () => {
  const notice = document.getElementById("request-failed");
  const place = document.getElementById("toasts");
  if (!notice || !place) return;
  place.replaceChildren(notice.content.cloneNode(true));
};

document.addEventListener("htmx:responseError", complain);
document.addEventListener("htmx:sendError", complain);
document.addEventListener("htmx:timeout", complain);

document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, requestConfig } = event.detail;
  if (requestConfig.verb !== "get" || !xhr.responseURL) return;
  const asked = new URL(requestConfig.path || location.href, location.href).pathname;
  if (new URL(xhr.responseURL).pathname === asked) return;
  event.detail.shouldSwap = false;
  location.reload();
});

// The complaint goes away with the next update that succeeds.
document.addEventListener("htmx:afterOnLoad", (event) => {
  if (event.detail.successful) document.getElementById("toasts")?.replaceChildren();
});
