// Evaluated in the page: the texts whose contrast with what is behind them is below WCAG's 4.5:1.
(() => {
  const channels = (colour) => (colour.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = (colour) => {
    const [r, g, b] = channels(colour).map((value) => {
      const scaled = value / 255;
      return scaled <= 0.03928 ? scaled / 12.92 : ((scaled + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const backgroundOf = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const { backgroundColor } = getComputedStyle(one);
      if ((channels(backgroundColor)[3] ?? 1) > 0.99) return backgroundColor;
    }
    return "rgb(255, 255, 255)";
  };
  const low = [];
  for (const element of document.querySelectorAll("body *:not(svg *):not(script):not(option)")) {
    const text = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent?.trim());
    if (!text || element.closest(".visually-hidden, .skip")) continue;
    const [bright, dim] = [getComputedStyle(element).color, backgroundOf(element)].map(luminance).sort((a, b) => b - a);
    if ((bright + 0.05) / (dim + 0.05) < 4.5)
      low.push(`${element.tagName} "${element.textContent?.trim().slice(0, 30)}"`);
  }
  return low;
})();
