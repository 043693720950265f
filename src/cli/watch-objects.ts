// `heddle get -w`: what is there, then every change, until a signal. A stream that ends is taken up where it ended.

import { readEvents, type WatchEvent } from "../kube/client/events.ts";
import type { KubeObject } from "../kube/object.ts";
import { type Status, StatusFailure } from "../kube/status.ts";
import type { Api } from "./api-client.ts";
import { type Output, objectText, type Wanted } from "./object-output.ts";
import { queryOf, TABLE_TYPE, type Table, tableOf, tableText } from "./object-table.ts";
import { print } from "./terminal.ts";

const RETRY_MS = 1_000;

/** Never returns but by a failure. */
export async function watchObjects(api: Api, wanted: Wanted, output: Output): Promise<never> {
  const printer = new EventPrinter(wanted, output);
  // Without a version the watch begins with what is there.
  for (let version = ""; ; ) {
    for await (const event of events(api, wanted, output, version)) {
      if (event.kind === "error") {
        if (event.status.code !== 410) throw new StatusFailure(event.status);
        version = ""; // from before what the server remembers: begin again
        break;
      }
      version = versionOf(event.object) ?? version;
      if (event.kind !== "bookmark") await printer.print(event.object);
    }
    await Bun.sleep(RETRY_MS);
  }
}

async function* events(api: Api, wanted: Wanted, output: Output, version: string): AsyncGenerator<WatchEvent> {
  const { connection } = api;
  const isTable = output === "table" || output === "wide";
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
    headers: { accept: isTable ? TABLE_TYPE : "application/json" },
    tls: connection.tls,
    timeout: false,
  });
  if (!response.ok || !response.body) {
    const body: unknown = await response.json();
    throw new StatusFailure(body as Status);
  }
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
    if (output !== "table" && output !== "wide") {
      await print(objectText(this.#wanted.type, object, output) + (output === "yaml" ? "\n---" : ""));
      return;
    }
    const table = tableOf(object);
    // The server sends the columns with the first rows alone.
    if (table.columnDefinitions.length > 0) this.#columns = table.columnDefinitions;
    const form = { wide: output === "wide", namespaces: this.#wanted.namespace === "" && this.#wanted.type.namespaced };
    await print(tableText({ ...table, columnDefinitions: this.#columns }, form, !this.#headed));
    this.#headed = true;
  }
}
