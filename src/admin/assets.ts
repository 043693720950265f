// The dashboard's files: from dashboard/dist of a checkout, or embedded in the compiled program. Read once, served from memory.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";

export interface Asset {
  readonly body: Uint8Array;
  readonly contentType: string;
  readonly etag: string;
  /** Its name holds its hash, so that it never changes. */
  readonly immutable: boolean;
}

/** By path, as `/index.html`. */
export type Assets = ReadonlyMap<string, Asset>;

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
  json: "application/json",
  woff2: "font/woff2",
};

function assetOf(path: string, body: Uint8Array): Asset {
  return {
    body,
    contentType: CONTENT_TYPES[path.slice(path.lastIndexOf(".") + 1)] ?? "application/octet-stream",
    etag: `"${Bun.hash(body).toString(36)}"`,
    immutable: path.startsWith("/assets/"),
  };
}

/** The files under a directory; undefined when it holds no index.html. */
export function readAssets(directory: string): Assets | undefined {
  if (!existsSync(join(directory, "index.html"))) return undefined;
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    files.map((file) => {
      const full = join(file.parentPath, file.name);
      const path = `/${relative(directory, full).split(sep).join("/")}`;
      return [path, assetOf(path, readFileSync(full))];
    }),
  );
}

/**
 * The files that `bun build --compile … dashboard/dist/**` put into the program under their paths (`--asset-naming=[dir]/[name].[ext]`);
 * undefined when there are none.
 */
export async function embeddedAssets(): Promise<Assets | undefined> {
  const assets = new Map<string, Asset>();
  for (const file of Bun.embeddedFiles) {
    const name = "name" in file && typeof file.name === "string" ? file.name : "";
    const at = name.indexOf("dashboard/dist/");
    if (at === -1) continue;
    const path = name.slice(at + "dashboard/dist".length);
    assets.set(path, assetOf(path, new Uint8Array(await file.arrayBuffer())));
  }
  return assets.has("/index.html") ? assets : undefined;
}

/** The answer for a path; undefined when there is no such file. The page itself is asked for anew each time, what it names never. */
export function serveAsset(assets: Assets, path: string, request: Request): Response | undefined {
  const asset = assets.get(path === "/" ? "/index.html" : path);
  if (!asset) return undefined;
  const headers = {
    "content-type": asset.contentType,
    etag: asset.etag,
    "cache-control": asset.immutable ? "public, max-age=31536000, immutable" : "no-cache",
  };
  const known = request.headers
    .get("if-none-match")
    ?.split(",")
    .map((tag) => tag.trim().replace(/^W\//, ""));
  if (known?.includes(asset.etag)) return new Response(null, { status: 304, headers });
  return new Response(asset.body.slice(), { headers });
}
