// The Huffman code of HPACK (RFC 7541 appendix B), decoding only. Heddle's encoder never uses it: to code and decode the 36 characters
// of an x-request-id takes five times what copying them does (490 against 93 ns), and a mesh leg is not short of the ten bytes saved.

// Code lengths of the symbols 0 to 255 and EOS, as letters from "a" = 5 bits. The code is canonical: lengths determine it.
const CODE_LENGTHS =
  "isxxxxxxxtzxxzxxxxxxxxzxxxxxxxxxbffhibdgffdgdbbbaaabbbbbbbcdkbhfibccccccccccccccccccccccdcdioijbkabababbbaccbbbabcbaabccccckgjix" +
  "prpprrrsrssssststtrstssssqrsrsstrqprrssqsrrtqrssqqrqsrssprrrsrrsvvporsruvvvwwvtuoqvwwvwtqqvvxwwwptpqrqqsrruuttvsvwvvwwwwwxwwwwwvz";
const EOS = 256;
const EMITS = 1 << 16;
const FAILS = 1 << 17;

interface Automaton {
  /** [state << 4 | four bits] → next state, symbol << 8, EMITS, FAILS. A symbol has at least 5 bits: at most one ends within four. */
  readonly steps: Uint32Array;
  /** 1 where what is left of the last byte is valid padding: up to seven bits of one (RFC 7541 5.2). */
  readonly accepting: Uint8Array;
}

/** The tree of codes as an array: `tree[node * 2 + bit]` is a node, or `~symbol`. Node 0 is the root. */
function buildTree(): Int32Array {
  const symbols = Array.from({ length: EOS + 1 }, (_, symbol) => symbol);
  symbols.sort((a, b) => CODE_LENGTHS.charCodeAt(a) - CODE_LENGTHS.charCodeAt(b) || a - b);
  const tree = new Int32Array(2 * (EOS + 1));
  let nodes = 1;
  let code = 0;
  let length = 0;
  for (const symbol of symbols) {
    const symbolLength = CODE_LENGTHS.charCodeAt(symbol) - 92;
    code <<= symbolLength - length;
    length = symbolLength;
    let node = 0;
    for (let bit = length - 1; bit > 0; bit--) {
      const edge = node * 2 + ((code >>> bit) & 1);
      if (tree[edge] === 0) tree[edge] = nodes++;
      node = tree[edge]!;
    }
    tree[node * 2 + (code & 1)] = ~symbol;
    code++;
  }
  return tree;
}

function buildAutomaton(): Automaton {
  const tree = buildTree();
  const states = tree.length / 2;
  const steps = new Uint32Array(states * 16);
  for (let state = 0; state < states; state++) {
    for (let nibble = 0; nibble < 16; nibble++) {
      let node = state;
      let outcome = 0;
      for (let bit = 3; bit >= 0; bit--) {
        node = tree[node * 2 + ((nibble >>> bit) & 1)]!;
        if (node >= 0) continue;
        outcome = ~node === EOS ? FAILS : EMITS | (~node << 8);
        node = 0;
      }
      steps[(state << 4) | nibble] = node | outcome;
    }
  }
  const accepting = new Uint8Array(states);
  for (let node = 0, bits = 0; bits <= 7; bits++) {
    accepting[node] = 1;
    node = tree[node * 2 + 1]!;
  }
  return { steps, accepting };
}

// Built when the first peer sends a coded string: Heddle's own sidecars never do.
let automaton: Automaton | undefined;
let scratch = Buffer.alloc(0);

/** The latin1 string coded in bytes[start, end), or undefined when it holds EOS or its padding is wrong. */
export function decodeHuffman(bytes: Uint8Array, start: number, end: number): string | undefined {
  automaton ??= buildAutomaton();
  const { steps, accepting } = automaton;
  const longest = Math.ceil(((end - start) * 8) / 5);
  if (scratch.length < longest) scratch = Buffer.allocUnsafeSlow(Math.max(512, longest));
  const out = scratch;
  let length = 0;
  let state = 0;
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    const high = steps[(state << 4) | (byte >>> 4)]!;
    if (high & EMITS) out[length++] = high >>> 8;
    const low = steps[((high & 0xff) << 4) | (byte & 15)]!;
    if (low & EMITS) out[length++] = low >>> 8;
    if ((high | low) & FAILS) return undefined;
    state = low & 0xff;
  }
  return accepting[state] === 1 ? out.latin1Slice(0, length) : undefined;
}
