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

/** File name under which the packed dashboard is built into the program, as a further entry point of `bun build --compile`. */
export const PACK_NAME = "dashboard.pack";

/** The files as one, gzipped JSON of path and base64: Bun would bundle embedded HTML, scripts and styles anew, and rename them. */
export function packAssets(assets: Assets): Uint8Array {
  const files = [...assets].map(([path, { body }]) => [path, body.toBase64()] as const);
  return Bun.gzipSync(Buffer.from(JSON.stringify(files)));
}

/** What `packAssets` packed. */
export function unpackAssets(packed: Uint8Array<ArrayBuffer>): Assets {
  const files = JSON.parse(Buffer.from(Bun.gunzipSync(packed)).toString()) as [path: string, base64: string][];
  return new Map(files.map(([path, base64]) => [path, assetOf(path, Uint8Array.fromBase64(base64))]));
}

/** The files that are built into the program; undefined when it runs from a checkout. */
export async function embeddedAssets(): Promise<Assets | undefined> {
  // Bun puts a hash between the name and its ending.
  const pack = Bun.embeddedFiles.find(
    (file) => "name" in file && /(?:^|\/)dashboard[^/]*\.pack$/.test(String(file.name)),
  );
  return pack && unpackAssets(new Uint8Array(await pack.arrayBuffer()));
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
