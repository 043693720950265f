// The proxy's admin port (15000), as Envoy's where tools read it. It can drain and end the proxy: for this machine's loopback alone.

import { text } from "./answer.ts";
import { helpText } from "./help.ts";
import { PAGES } from "./pages.ts";
import type { AdminState } from "./state.ts";

function isLoopback(address: string): boolean {
  return address === "::1" || /^(?:::ffff:)?127\./.test(address);
}

/** A page in a browser can reach loopback too, and so can a foreign name that resolves to it: neither is an operator. */
function isForeign(request: Request): boolean {
  const site = request.headers.get("sec-fetch-site");
  if (site !== null && site !== "same-origin" && site !== "none") return true;
  const { hostname } = new URL(request.url);
  const bare = hostname.replace(/^\[|\]$/g, "");
  return bare !== "localhost" && !isLoopback(bare);
}

/** Undefined for an operator's. `remote`: the client's address; undefined for one that came over a Unix socket. */
export function refusalOf(request: Request, remote: string | undefined): Response | undefined {
  if (remote === undefined || (isLoopback(remote) && !isForeign(request))) return undefined;
  return text("the admin interface is for loopback alone\n", 403);
}

/** Answers one admin request; `remote` as above. */
export async function adminResponse(
  state: AdminState,
  request: Request,
  remote: string | undefined,
): Promise<Response> {
  const refusal = refusalOf(request, remote);
  if (refusal) return refusal;
  const { pathname, searchParams } = new URL(request.url);
  const page = PAGES[pathname === "/" ? "/help" : pathname];
  if (!page) return text(`invalid path. ${helpText(PAGES)}`, 404);
  if (page.method === "POST" && request.method !== "POST")
    return text(`Method ${request.method} not allowed, POST required.`, 405);
  // Envoy answers POST here too; who only reads has no need of it.
  if (page.method === "GET" && request.method !== "GET")
    return text(`Method ${request.method} not allowed, GET required.`, 405);
  if (request.method !== "GET" && request.method !== "POST") return text("only GET and POST\n", 405);
  return (await page.load())(state, searchParams, request);
}
