// `heddle explain`: where a request would go, and which object, file and line decides it.

import type { JsonObject } from "@bufbuild/protobuf";
import { type Command, Option } from "commander";
import { parseAddress } from "../base/cidr.ts";
import { renderDiagnostic } from "../base/diagnostic.ts";
import { EXIT, Failure } from "../base/failure.ts";
import { nearest } from "../base/nearest.ts";
import { translate } from "../dialect/dialects.ts";
import type { TextFile } from "../dialect/load.ts";
import { explain } from "../explain/explain.ts";
import type { Question } from "../explain/question.ts";
import { buildMesh } from "../model/build.ts";
import { gatewaysOf } from "../model/gateway-ports.ts";
import type { Mesh } from "../model/mesh.ts";
import type { MeshSettings } from "../model/settings.ts";
import type { SourceMap } from "../model/source-map.ts";
import type { Workload } from "../model/workload.ts";
import { objectsOfFiles } from "./analysis-input.ts";
import { namespaceOption } from "./api-client.ts";
import { EXPLANATION_OUTPUTS, type ExplanationOutput, explanationText } from "./explanation-output.ts";
import { meshSettings } from "./mesh-settings.ts";
import { readFiles } from "./object-files.ts";
import { print, type Style, styleOf } from "./terminal.ts";

/** What is asked, beside the URL. */
export interface Asked {
  readonly namespace: string;
  readonly from?: string;
  readonly gateway?: string;
  readonly method: string;
  readonly header?: readonly string[];
  readonly sourceIp?: string;
  readonly output: ExplanationOutput;
}

interface ExplainOptions extends Asked {
  readonly filename: readonly string[];
  readonly recursive?: true;
  readonly jwt?: string;
}

export function define(command: Command): void {
  command
    .argument("[url]", "as the client writes it")
    .requiredOption("-f, --filename <file...>", "files or folders of YAML or JSON, - for standard input")
    .option("-R, --recursive", "files of folders below folders, too")
    .addOption(namespaceOption())
    .option("--from <namespace/workload>", "who sends the request: a Pod, or what owns it")
    .option("--gateway <name>", "the request comes from outside, to this Gateway or to the workload that opens it")
    .option("-X, --method <method>", "of the request", "GET")
    .addOption(
      new Option("-H, --header <line>", "of the request, as `name: value`; repeat it for more").argParser(collect),
    )
    .option("--source-ip <address>", "of the client, where it is not that of --from")
    .option("--jwt <file>", "claims of the request's token in JSON, taken for signed")
    .addOption(new Option("-o, --output <form>").choices(EXPLANATION_OUTPUTS).default("text"))
    .addHelpText("after", HELP);
  command.action((url: string | undefined, options: ExplainOptions) => run(url, options));
}

const HELP = `
Nothing is sent. What the proxies would be told is compiled from the files, and their own decisions are asked.
Exit code 65 when a file has errors.`;

function collect(line: string, before: readonly string[] = []): readonly string[] {
  return [...before, line];
}

function usage(message: string, hint: string): Failure {
  return new Failure(message, { hint, exit: EXIT.usage });
}

/** The files may be the last of the options, and take what follows them. */
function split(
  url: string | undefined,
  names: readonly string[],
): { readonly url: string; readonly names: readonly string[] } {
  if (url !== undefined) return { url, names };
  const last = names.at(-1);
  if (last !== undefined && /^https?:/i.test(last)) return { url: last, names: names.slice(0, -1) };
  throw usage("no URL is asked about", "http://golden-signal/path");
}

async function run(given: string | undefined, options: ExplainOptions): Promise<void> {
  const { url, names } = split(given, options.filename);
  const files = await readFiles(names, options.recursive === true);
  const [claims] = options.jwt === undefined ? [] : await readFiles([options.jwt]);
  await print(answer({ files, claims, settings: meshSettings(undefined) }, url, options, styleOf(process.stdout)));
}

export interface Given {
  readonly files: readonly TextFile[];
  readonly claims: TextFile | undefined;
  readonly settings: MeshSettings;
}

/** What the command says. Throws a Failure for what is wrong with its arguments and files. */
export function answer({ files, claims, settings }: Given, url: string, options: Asked, style: Style): string {
  const parsed = parseUrl(url);
  const headers = (options.header ?? []).flatMap(parseHeader);
  const { mesh, sources } = load(files, options.namespace, settings);
  const entry = entryOf(mesh, options);
  const question: Question = {
    entry,
    method: options.method.toUpperCase(),
    url: parsed,
    headers,
    sourceAddress: sourceOf(mesh, entry, options),
    claims: claims && readClaims(claims),
  };
  return explanationText(explain(mesh, sources, question), question, options.output, style);
}

function load(
  files: readonly TextFile[],
  namespace: string,
  settings: MeshSettings,
): { readonly mesh: Mesh; readonly sources: SourceMap } {
  const { objects, unreadable } = objectsOfFiles(files, namespace);
  const { parts, sources, results, settings: inForce } = translate(objects, settings);
  const errors = [...unreadable, ...results.flatMap((result) => result.diagnostics)].filter(
    ({ severity }) => severity === "error",
  );
  if (errors.length === 0) return { mesh: buildMesh(inForce, parts), sources };
  throw new Failure(`what cannot be read cannot be explained:\n${errors.map(renderDiagnostic).join("\n")}`, {
    hint: "heddle analyze",
    exit: EXIT.data,
  });
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && (url.protocol === "http:" || url.protocol === "https:") && url.hostname !== "") return url;
  throw usage(`no URL of HTTP: ${JSON.stringify(text)}`, "http://golden-signal/path");
}

function parseHeader(line: string): readonly string[] {
  const found = /^\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*:\s*(.*?)\s*$/.exec(line);
  if (!found) throw usage(`--header is not "name: value": ${JSON.stringify(line)}`, "-H 'x-user: alice'");
  return [found[1]!.toLowerCase(), found[2]!];
}

function readClaims({ name, content }: TextFile): JsonObject {
  const claims = parseJson(Buffer.from(content).toString("utf8"));
  if (typeof claims === "object" && claims !== null && !Array.isArray(claims)) return claims as JsonObject;
  throw new Failure(`${name} holds no claims`, { hint: '{"iss": "https://issuer", "sub": "alice"}', exit: EXIT.data });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// ── who asks ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

function entryOf(mesh: Mesh, { from, gateway, namespace }: Asked): Question["entry"] {
  if (gateway !== undefined) return { kind: "gateway", workload: gatewayNamed(mesh, gateway) };
  if (from === undefined) throw usage("nobody sends the request", "--from NAMESPACE/WORKLOAD or --gateway NAME");
  const workload = workloadNamed(mesh.workloads, qualified(from, namespace), "workload");
  return { kind: workload.proxy?.gateway ? "gateway" : "sidecar", workload };
}

function qualified(name: string, namespace: string): string {
  return name.includes("/") ? name : `${namespace}/${name}`;
}

/** By its own name, else by the name of what owns it. */
function workloadNamed(workloads: readonly Workload[], name: string, what: string): Workload {
  const found =
    workloads.find((workload) => `${workload.namespace}/${workload.name}` === name) ??
    workloads.find((workload) => `${workload.namespace}/${workload.workloadName}` === name);
  if (found) return found;
  const names = workloads.map((workload) => `${workload.namespace}/${workload.name}`);
  const near = nearest(name, names);
  const hint =
    near ?? (names.length > 0 ? `there are ${names.slice(0, 5).join(", ")}` : "the files hold no Pod of the kind");
  throw new Failure(`no ${what} ${name}`, { hint, exit: EXIT.data });
}

/** `name` is a workload's or a Gateway's, with its namespace or without. */
function gatewayNamed(mesh: Mesh, name: string): Workload {
  const doors = mesh.workloads.filter(({ proxy }) => proxy?.gateway);
  const isMeant = (one: { readonly namespace: string; readonly name: string }) =>
    name.includes("/") ? `${one.namespace}/${one.name}` === name : one.name === name;
  const door =
    doors.find(isMeant) ?? doors.find((workload) => gatewaysOf(mesh, workload).some(({ origin }) => isMeant(origin)));
  return door ?? workloadNamed(doors, name, "gateway, nor a workload that opens one,");
}

/** Documentation's (RFC 5737): nothing is known of who comes from outside. */
const SOMEBODY = "192.0.2.1";

function sourceOf(mesh: Mesh, entry: Question["entry"], { sourceIp, from, namespace }: Asked): string {
  if (sourceIp !== undefined) {
    if (parseAddress(sourceIp)) return sourceIp;
    throw usage(`--source-ip is no IP address: ${JSON.stringify(sourceIp)}`, "--source-ip 203.0.113.7");
  }
  const sender = entry.kind === "sidecar" || from === undefined ? undefined : from;
  const workload =
    sender === undefined ? entry.workload : workloadNamed(mesh.workloads, qualified(sender, namespace), "workload");
  if (entry.kind === "gateway" && workload === entry.workload) return SOMEBODY;
  return workload.addresses[0] ?? SOMEBODY;
}
