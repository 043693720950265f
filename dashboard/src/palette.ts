// One colour a version, the same in every chart, bar and table. Defined in style/tokens.css for both themes.

const COLOURS = 6;

/** The CSS variable for the version at this place among its service's versions. */
export function versionColour(index: number): string {
  return `var(--series-${(index % COLOURS) + 1})`;
}

/** What a CSS variable (or `var(--x)`) stands for now; canvases cannot read variables. */
export function resolveColour(colour: string): string {
  const name = /^var\((--[\w-]+)\)$/.exec(colour)?.[1];
  return name ? getComputedStyle(document.documentElement).getPropertyValue(name).trim() : colour;
}
