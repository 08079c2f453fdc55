// What somebody has typed into forms and fields and has not been taken away with its page: it must not be lost unseen.

const touched = new Set();

document.addEventListener("input", (event) => {
  const field = event.target;
  if (field instanceof Element && field.matches("textarea, dialog input, form input:not([type=search])")) touched.add(field);
});

/** Whether something is typed in what is on the page now. */
export function typed() {
  for (const field of touched) if (!field.isConnected) touched.delete(field);
  return [...touched].some((field) => field.type === "checkbox" || field.value !== "");
}
