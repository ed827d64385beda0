/** Tells canvases that the colours of the page have changed: by the system, or by a choice that the page carries. */

const QUERIES = ["(prefers-color-scheme: dark)", "(prefers-contrast: more)", "(forced-colors: active)"];

export function onThemeChange(changed: () => void): () => void {
  const queries = QUERIES.map((query) => matchMedia(query));
  for (const query of queries) query.addEventListener("change", changed);
  const root = new MutationObserver(changed);
  root.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme", "class", "style"] });
  return () => {
    root.disconnect();
    for (const query of queries) query.removeEventListener("change", changed);
  };
}
