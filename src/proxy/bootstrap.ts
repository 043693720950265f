// The file a proxy starts from: an envoy.config.bootstrap.v3.Bootstrap in JSON or YAML, as Envoy takes it.

import { readFileSync } from "node:fs";
import type { JsonValue } from "@bufbuild/protobuf";
import { EXIT, Failure } from "../base/failure.ts";
import { type Bootstrap, BootstrapSchema } from "../xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.ts";
import { readJson } from "../xds/read-json.ts";

async function readDocument(path: string): Promise<JsonValue> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (thrown) {
    throw new Failure(
      `cannot read bootstrap file ${path}: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
      { exit: EXIT.data, cause: thrown },
    );
  }
  try {
    // The agent writes JSON; YAML's parser is loaded for people only.
    return path.endsWith(".json")
      ? JSON.parse(text)
      : (await import("yaml")).parse(text, { merge: true, maxAliasCount: -1 });
  } catch (thrown) {
    throw new Failure(
      `bootstrap file ${path} cannot be parsed: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
      { exit: EXIT.data, cause: thrown },
    );
  }
}

/**
 * Reads a bootstrap file.
 * @throws Failure naming the file and the field when it is not a Bootstrap.
 */
export async function readBootstrap(path: string): Promise<Bootstrap> {
  const document = await readDocument(path);
  try {
    return readJson(BootstrapSchema, document);
  } catch (thrown) {
    throw new Failure(
      `bootstrap file ${path} is not a valid envoy.config.bootstrap.v3.Bootstrap: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
      {
        exit: EXIT.data,
        cause: thrown,
      },
    );
  }
}
