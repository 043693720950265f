// A client that holds nothing and asks for everything gets a snapshot's whole map at once: what is decided resource by resource for all others
// is decided once for it, and what it shares with the others is put together once for all. A thousand proxies that come back after a
// restart are a thousand of those.

import { type SentResource, sentByName } from "./delta-response.ts";
import { LayeredMap } from "./layered-map.ts";
import type { ResourceMap } from "./snapshot.ts";

/** All resources of a map as one response has them. */
export interface Whole {
  readonly sent: readonly SentResource[];
  /** Their fields of the response, one behind the other in few pieces. Not to be changed: they are of all clients. */
  readonly encoded: readonly Uint8Array[];
  readonly bytes: number;
}

/** Resources one behind the other, and their bytes. */
interface Piece {
  readonly sent: readonly SentResource[];
  readonly bytes: Uint8Array;
}

export function wholeOf(resources: ResourceMap): Whole {
  const pieces = piecesOf(resources);
  return {
    sent: NOTHING_SENT.concat(...pieces.map(({ sent }) => sent)),
    encoded: pieces.map(({ bytes }) => bytes),
    bytes: pieces.reduce((sum, { bytes }) => sum + bytes.length, 0),
  };
}

const NOTHING_SENT: readonly SentResource[] = [];

const known = new WeakMap<ResourceMap, readonly Piece[]>();

function piecesOf(resources: ResourceMap): readonly Piece[] {
  const pieces = known.get(resources) ?? makePieces(resources);
  known.set(resources, pieces);
  return pieces;
}

function makePieces(resources: ResourceMap): readonly Piece[] {
  if (resources instanceof LayeredMap) {
    const { own, below, covered } = resources;
    return [...piecesOf(own), ...piecesOf(below).flatMap((piece) => without(piece, covered))];
  }
  if (resources.size === 0) return [];
  const sent = [...resources.values()].map(sentByName);
  return [{ sent, bytes: Buffer.concat(sent.map(({ encoded }) => encoded)) }];
}

/** What is left of a piece between the resources that are covered. */
function without(piece: Piece, covered: ReadonlySet<string>): readonly Piece[] {
  if (covered.size === 0) return [piece];
  const left: Piece[] = [];
  let [first, start, at] = [0, 0, 0];
  const cut = (end: number) => {
    if (end > first) left.push({ sent: piece.sent.slice(first, end), bytes: piece.bytes.subarray(start, at) });
  };
  for (const [i, { name, encoded }] of piece.sent.entries()) {
    if (covered.has(name)) {
      cut(i);
      first = i + 1;
      start = at + encoded.length;
    }
    at += encoded.length;
  }
  cut(piece.sent.length);
  return left;
}
