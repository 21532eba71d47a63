// Accessibility basics of the page that is open, as a list of faults: landmarks, headings, names, tables, contrast
// (WCAG 2.2, 1.4.3), and that nothing is wider than the window.
(() => {
  const faults = [];
  const all = (selector, top = document) => [...top.querySelectorAll(selector)];
  const fault = (what, element) => faults.push(what + ": " + (element ? element.outerHTML.slice(0, 160) : ""));
  const shown = (element) => element.checkVisibility({ visibilityProperty: true });

  if (!document.documentElement.lang) fault("no language");
  if (!document.title) fault("no title");
  for (const landmark of ["body > header", "main", "body > footer", "h1"])
    if (all(landmark).length !== 1) fault(all(landmark).length + " times " + landmark);
  for (const nav of all("nav")) if (!nav.ariaLabel) fault("a navigation without a name", nav);
  let level = 0;
  for (const heading of all("h1, h2, h3, h4, h5, h6").filter(shown)) {
    const next = Number(heading.tagName[1]);
    if (next > level + 1) fault("a level of headings is left out", heading);
    level = next;
  }
  for (const control of all("a[href], button, summary").filter(shown))
    if (!(control.ariaLabel || control.textContent).trim()) fault("no name", control);
  for (const picture of all("svg:not([aria-hidden])"))
    if (picture.getAttribute("role") !== "img" || !picture.hasAttribute("aria-labelledby")) fault("a picture without a name", picture);
  for (const cell of all("th")) if (!cell.scope) fault("a heading of nothing", cell);
  for (const box of all(".scroll")) if (box.tabIndex !== 0 || !(box.ariaLabel || box.hasAttribute("aria-labelledby"))) fault("cannot be scrolled by key", box);
  if (document.documentElement.scrollWidth > innerWidth) {
    const wide = all("body *").filter((element) => !element.closest(".scroll") && element.getBoundingClientRect().right > innerWidth + 1);
    fault("wider than the window", wide.pop());
  }

  const numbers = (colour) => colour.match(/[\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => {
    const part = (n) => (n /= 255) <= 0.04045 ? n / 12.92 : ((n + 0.055) / 1.055) ** 2.4;
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const [r, g, b, alpha = 1] = numbers(getComputedStyle(at).backgroundColor);
      if (alpha === 1) return [r, g, b];
      if (alpha > 0) fault("a colour that shines through", at);
    }
    return [255, 255, 255];
  };
  const checked = new Set();
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || checked.has(element) || element.closest("svg, noscript, .hidden, .skip") || !shown(element)) continue;
    checked.add(element);
    const style = getComputedStyle(element);
    const [light, dark] = [luminance(numbers(style.color)), luminance(behind(element))].sort((a, b) => b - a);
    const ratio = (light + 0.05) / (dark + 0.05);
    const size = parseFloat(style.fontSize);
    const least = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
    if (ratio < least) fault("contrast " + ratio.toFixed(2) + " of " + least, element);
  }
  return faults;
})()
