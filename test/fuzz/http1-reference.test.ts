// What this parser takes for a request, llhttp takes for the same one: two parties behind one another that cut the bytes differently are
// how requests are smuggled. It may refuse more, never read otherwise.

import { expect, test } from "bun:test";
import { join } from "node:path";
import fc from "fast-check";
import { mutate, mutations, request } from "../../src/http/h1/arbitraries.ts";
import { RecordingServer } from "../../src/http/h1/testing.ts";
import { ResponseHead } from "../../src/http/stream.ts";
import { runs, timeLimitMs } from "./effort.ts";

const WIRES = 4_000;

interface Read {
  readonly method: string;
  readonly url: string;
  body: string;
}

interface Reference {
  readonly methods: readonly string[];
  readonly answers: readonly { readonly requests: readonly Read[]; readonly error: string | null }[];
}

/** The requests that are whole, in Heddle's reading; each is answered at once. */
function wholeRequests(wire: string): Read[] {
  const whole: Read[] = [];
  const server = new RecordingServer();
  server.answer = (stream, head, end) => {
    const read: Read = { method: head.method, url: head.path, body: "" };
    const done = () => {
      whole.push(read);
      stream.respond(new ResponseHead(200, [], 0), true);
    };
    stream.listener = {
      onData(chunk) {
        read.body += Buffer.from(chunk).toString("latin1");
      },
      onEnd: done,
      onReset() {},
      onWritable() {},
    };
    if (end) done();
  };
  server.send(wire);
  for (let turns = 0; turns < 4; turns++) server.connection.flush();
  return whole;
}

async function reference(wires: readonly string[]): Promise<Reference> {
  const child = Bun.spawn(["node", "--no-warnings", join(import.meta.dir, "llhttp.mjs")], {
    stdin: Buffer.from(JSON.stringify(wires.map((wire) => Buffer.from(wire, "latin1").toString("base64")))),
    stdout: "pipe",
    stderr: "inherit",
  });
  return (await new Response(child.stdout).json()) as Reference;
}

test(
  "every whole request is the same to llhttp",
  async () => {
    const message = fc
      .tuple(fc.array(request, { minLength: 1, maxLength: 2 }), fc.option(mutations, { freq: 2 }))
      .map(([requests, changes]) => (changes === null ? requests.join("") : mutate(requests.join(""), changes)));
    const wires = fc.sample(message, runs(WIRES));
    const { methods, answers } = await reference(wires);
    let compared = 0;
    wires.forEach((wire, i) => {
      const { requests, error } = answers[i]!;
      for (const [n, mine] of wholeRequests(wire).entries()) {
        // llhttp knows a list of methods; here a method is any token.
        if (!methods.includes(mine.method)) return;
        const its = requests[n];
        expect({ wire, n, error, read: its && { ...mine } }).toEqual({
          wire,
          n,
          error,
          read: { method: its?.method ?? "", url: its?.url ?? "", body: its?.body ?? "" },
        });
        compared++;
      }
    });
    expect(compared).toBeGreaterThan(wires.length / 3);
  },
  timeLimitMs(20_000),
);
