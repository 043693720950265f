// Name of the mesh, whether what is shown is live, and the theme.

import type { Link } from "../live.ts";
import { THEMES, type Theme } from "../theme.ts";

const STATUS_TEXT: Readonly<Record<Link["status"], string>> = {
  connecting: "connecting",
  live: "live",
  lost: "disconnected",
};

export function Header({ link, theme, onTheme }: { link: Link; theme: Theme; onTheme: (theme: Theme) => void }) {
  const mesh = link.state?.mesh;
  return (
    <header className="header">
      <img src="/heddle.svg" alt="" width="26" height="26" />
      <h1>Heddle</h1>
      {mesh && (
        <p className="header-mesh">
          <strong>{mesh.name}</strong> <span className="muted">trust domain {mesh.trustDomain}</span>
        </p>
      )}
      <span className="spacer" />
      <output className={`pill ${link.status}`} aria-label={`Connection: ${STATUS_TEXT[link.status]}`}>
        <span className="dot" aria-hidden="true" />
        {STATUS_TEXT[link.status]}
      </output>
      {mesh && <span className="muted version">{mesh.version}</span>}
      <label className="theme">
        <span className="visually-hidden">Theme</span>
        <select value={theme} onChange={(event) => onTheme(event.target.value as Theme)}>
          {THEMES.map((one) => (
            <option key={one} value={one}>
              {one[0]?.toUpperCase() + one.slice(1)}
            </option>
          ))}
        </select>
      </label>
    </header>
  );
}
