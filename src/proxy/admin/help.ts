// The pages and their parameters, for people.

import type { Page } from "./page.ts";

export function helpText(pages: Readonly<Record<string, Page>>): string {
  const lines = Object.entries(pages).flatMap(([path, { description, method, parameters = {} }]) => [
    `  ${path}${method === "POST" ? " (POST)" : ""}: ${description}`,
    ...Object.entries(parameters).map(([name, meaning]) => `      ${name}: ${meaning}`),
  ]);
  return `admin commands are:\n${lines.join("\n")}\n`;
}
