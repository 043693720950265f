// `heddle get -w`: what is there, then every change, until a signal. A stream that ends, or breaks, is taken up where it ended. Of the folder that the
// control plane watches there is no stream: it is looked at again and again.

import { Failure } from "../base/failure.ts";
import { fetchProblem } from "../base/fetch-problem.ts";
import { readEvents, type WatchEvent } from "../kube/client/events.ts";
import type { KubeObject } from "../kube/object.ts";
import { type Status, StatusFailure } from "../kube/status.ts";
import type { Api } from "./api-client.ts";
import { isTable, type Output, objectText, type Wanted } from "./object-output.ts";
import { queryOf, TABLE_TYPE, type Table, tableOf, tableText } from "./object-table.ts";
import { print, printError } from "./terminal.ts";
import { keyOf, tableWith } from "./watched-objects.ts";

const RETRY_MS = 1_000;
const LOOK_MS = 500;
/** Looking costs no more than a fifth of a core, however many files it takes. */
const REST = 4;

/** The objects of the folder, as they are now; undefined: none is watched. */
export type Look = (() => Promise<readonly KubeObject[]>) | undefined;

/** Never returns but by a failure. */
export async function watchObjects(api: Api, wanted: Wanted, output: Output, look: Look): Promise<never> {
  const printer = new EventPrinter(wanted, output);
  const held = watchHeld(api, wanted, output, printer);
  return look ? Promise.race([held, watchFolder(api, wanted, look, printer)]) : held;
}

async function watchFolder(
  api: Api,
  wanted: Wanted,
  look: () => Promise<readonly KubeObject[]>,
  printer: EventPrinter,
): Promise<never> {
  let before: ReadonlyMap<string, KubeObject> = new Map();
  for (;;) {
    const startedAt = performance.now();
    // What the API holds under the name of a file is its stream's. While it is away, the stream says so.
    const seen = await Promise.all([namesHeld(api, wanted), look()]).catch(() => undefined);
    if (!seen) {
      await Bun.sleep(RETRY_MS);
      continue;
    }
    const [held, objects] = seen;
    const now = new Map(objects.map((object) => [keyOf(object), object]));
    const gone = before.values().filter((object) => !now.has(keyOf(object)));
    const changed = now.values().filter((object) => !Bun.deepEquals(object, before.get(keyOf(object))));
    for (const object of [...gone, ...changed]) if (!held.has(keyOf(object))) await printer.printOwn(object);
    before = now;
    await Bun.sleep(Math.max(LOOK_MS, (performance.now() - startedAt) * REST));
  }
}

async function namesHeld({ client }: Api, { type, namespace }: Wanted): Promise<ReadonlySet<string>> {
  const { objects } = await client.list(type, namespace === "" ? {} : { namespace });
  return new Set(objects.map(keyOf));
}

async function watchHeld(api: Api, wanted: Wanted, output: Output, printer: EventPrinter): Promise<never> {
  const gone = new Absence(api.server);
  // Without a version the watch begins with what is there.
  let version = "";
  const follow = async (): Promise<void> => {
    for await (const event of events(api, wanted, output, version, () => gone.over())) {
      if (event.kind === "error") {
        if (event.status.code !== 410) throw new StatusFailure(event.status);
        version = ""; // from before what the server remembers: begin again
        return;
      }
      version = versionOf(event.object) ?? version;
      if (event.kind !== "bookmark") await printer.print(event.object);
    }
  };
  for (;;) {
    await follow().catch((thrown: unknown) => gone.tell(thrown));
    await Bun.sleep(RETRY_MS);
  }
}

/** A control plane that is started again is another process at the same address: what is asked of it goes on. */
class Absence {
  readonly #server: string;
  #told = false;

  constructor(server: string) {
    this.#server = server;
  }

  /** Rethrows what the server itself said, and what is wrong with its answer. */
  async tell(thrown: unknown): Promise<void> {
    if (thrown instanceof Failure) throw thrown;
    if (this.#told) return;
    this.#told = true;
    await printError(`the control plane at ${this.#server} is away (${fetchProblem(thrown)}): waiting for it`);
  }

  async over(): Promise<void> {
    if (!this.#told) return;
    this.#told = false;
    await printError(`the control plane at ${this.#server} is back`);
  }
}

async function* events(
  api: Api,
  wanted: Wanted,
  output: Output,
  version: string,
  opened: () => Promise<void>,
): AsyncGenerator<WatchEvent> {
  const { connection } = api;
  const resourceVersion = version === "" ? {} : { resourceVersion: version };
  // One object is watched as the collection with its name: it may be deleted and come again.
  const path = queryOf(
    { ...wanted, name: "" },
    {
      watch: "true",
      allowWatchBookmarks: "true",
      ...resourceVersion,
      ...(wanted.name === "" ? {} : { fieldSelector: `metadata.name=${wanted.name}` }),
    },
  );
  const response = await connection.fetch(`${connection.server}${path}`, {
    headers: { accept: isTable(output) ? TABLE_TYPE : "application/json" },
    tls: connection.tls,
    timeout: false,
  });
  if (!response.ok || !response.body) {
    const body: unknown = await response.json();
    throw new StatusFailure(body as Status);
  }
  await opened();
  yield* readEvents(response.body);
}

/** Of the object, or of the last row of a table. */
function versionOf(object: KubeObject): string | undefined {
  const rows = object.kind === "Table" ? tableOf(object).rows : [];
  return rows.at(-1)?.object?.metadata.resourceVersion ?? object.metadata?.resourceVersion;
}

class EventPrinter {
  readonly #wanted: Wanted;
  readonly #output: Output;
  #columns: Table["columnDefinitions"] = [];
  #headed = false;

  constructor(wanted: Wanted, output: Output) {
    this.#wanted = wanted;
    this.#output = output;
  }

  async print(object: KubeObject): Promise<void> {
    const output = this.#output;
    if (isTable(output)) return this.#printTable(tableOf(object));
    const text = objectText(this.#wanted.type, object, output, !this.#headed);
    this.#headed = true;
    await print(text + (output.kind === "yaml" ? "\n---" : ""));
  }

  /** One that the API does not hold. */
  async printOwn(object: KubeObject): Promise<void> {
    if (isTable(this.#output)) await this.#printTable(await tableWith(undefined, [object], this.#wanted.type));
    else await this.print(object);
  }

  async #printTable(table: Table): Promise<void> {
    // The server sends the columns with the first rows alone.
    if (table.columnDefinitions.length > 0) this.#columns = table.columnDefinitions;
    const form = {
      wide: this.#output.kind === "wide",
      namespaces: this.#wanted.namespace === "" && this.#wanted.type.namespaced,
    };
    await print(tableText({ ...table, columnDefinitions: this.#columns }, form, !this.#headed));
    this.#headed = true;
  }
}
