// Light, dark, or as the system says. The choice is kept in this browser.

import { useEffect, useState, useSyncExternalStore } from "react";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const KEY = "heddle.theme";
const dark = window.matchMedia("(prefers-color-scheme: dark)");

function stored(): Theme {
  const value = localStorage.getItem(KEY);
  return THEMES.find((theme) => theme === value) ?? "system";
}

function subscribe(changed: () => void): () => void {
  dark.addEventListener("change", changed);
  return () => dark.removeEventListener("change", changed);
}

/** The chosen theme, the one that results, and how to choose. */
export function useTheme(): { theme: Theme; resolved: "light" | "dark"; setTheme: (theme: Theme) => void } {
  const [theme, setTheme] = useState(stored);
  const systemDark = useSyncExternalStore(subscribe, () => dark.matches);
  const resolved = theme === "system" ? (systemDark ? "dark" : "light") : theme;
  useEffect(() => {
    document.documentElement.dataset.theme = resolved;
    localStorage.setItem(KEY, theme);
  }, [theme, resolved]);
  return { theme, resolved, setTheme };
}
