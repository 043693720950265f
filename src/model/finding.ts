// Findings as they are found, and how they are told: findings last while what they are about does, and are told with each compilation.

import type { Diagnostic } from "../base/diagnostic.ts";
import { nearest, nearestHost } from "../base/nearest.ts";
import type { Mesh } from "./mesh.ts";
import { diagnose, type Message } from "./message.ts";
import { type Origin, originKey } from "./origin.ts";
import { placeNote, type SourceMap } from "./source-map.ts";

/** A name that nothing has. */
export interface UnknownName {
  readonly text: string;
  /** Those that there are; undefined: hosts of services. */
  readonly among: Iterable<string> | undefined;
  message(nearest: string | undefined): Message;
}

export interface Finding {
  readonly origin: Origin;
  readonly path: string;
  readonly message: Message | UnknownName;
  /** With whom it conflicts, and where. */
  readonly other?: { readonly origin: Origin; readonly path: string } | undefined;
  /** Of findings with one such mark the first is told alone. */
  readonly once?: string | undefined;
}

/** Nearest names looked for in one run: each is compared with every host, and nobody reads on after this many. */
const MAX_SUGGESTIONS = 50;

interface Told {
  readonly sources: SourceMap;
  readonly nearest: string | undefined;
  readonly diagnostic: Diagnostic;
}

/** How each was told last. */
const toldBefore = new WeakMap<Finding, Told>();
/** By the index of services, nearest hosts that were looked for. */
const nearestHosts = new WeakMap<Mesh["index"]["servicesByHost"], Map<string, string | undefined>>();

/** Tells the findings of one mesh. */
export class Teller {
  readonly #hosts: Mesh["index"]["servicesByHost"];
  readonly #sources: SourceMap;
  readonly #told = new Set<string>();
  #suggestionsLeft = MAX_SUGGESTIONS;

  constructor({ index }: Mesh, sources: SourceMap) {
    this.#hosts = index.servicesByHost;
    this.#sources = sources;
  }

  tell(findings: Iterable<Finding>): readonly Diagnostic[] {
    const diagnostics: Diagnostic[] = [];
    for (const finding of findings) {
      const { once } = finding;
      if (once !== undefined && this.#told.has(once)) continue;
      if (once !== undefined) this.#told.add(once);
      diagnostics.push(this.#diagnosticOf(finding));
    }
    return diagnostics;
  }

  #diagnosticOf(finding: Finding): Diagnostic {
    const { message } = finding;
    const isUnknown = "text" in message;
    const nearestName = isUnknown ? this.#nearest(message) : undefined;
    const known = toldBefore.get(finding);
    if (known?.sources === this.#sources && known.nearest === nearestName) return known.diagnostic;
    const diagnostic = this.#diagnose(finding, isUnknown ? message.message(nearestName) : message);
    toldBefore.set(finding, { sources: this.#sources, nearest: nearestName, diagnostic });
    return diagnostic;
  }

  #diagnose({ origin, path, other }: Finding, message: Message): Diagnostic {
    const note = other && placeNote(other.origin, this.#sources.span(other.origin, other.path));
    const told = note === undefined ? message : { ...message, notes: [...(message.notes ?? []), note] };
    return diagnose(told, origin, path, this.#sources.finder(origin));
  }

  #nearest({ text, among }: UnknownName): string | undefined {
    if (this.#suggestionsLeft-- <= 0) return undefined;
    if (among) return nearest(text, among);
    const known = nearestHosts.get(this.#hosts) ?? new Map<string, string | undefined>();
    nearestHosts.set(this.#hosts, known);
    if (!known.has(text)) known.set(text, nearestHost(text, [...this.#hosts.keys()].sort()));
    return known.get(text);
  }
}

/** A mark of what is said of one place. */
export function markOf(origin: Origin, path: string, what: string): string {
  return `${originKey(origin)} ${path} ${what}`;
}
