// `heddle explain`: where a request would go, and which object, file and line decides it.

import type { JsonObject } from "@bufbuild/protobuf";
import { type Command, Option } from "commander";
import { parseAddress } from "../base/cidr.ts";
import { hasErrors, renderDiagnostic } from "../base/diagnostic.ts";
import { EXIT, Failure } from "../base/failure.ts";
import { nearest } from "../base/nearest.ts";
import { translate } from "../dialect/dialects.ts";
import { explain } from "../explain/explain.ts";
import type { Question } from "../explain/question.ts";
import { buildMesh } from "../model/build.ts";
import { gatewaysOf } from "../model/gateway-ports.ts";
import type { Mesh } from "../model/mesh.ts";
import type { SourceMap } from "../model/source-map.ts";
import type { Workload } from "../model/workload.ts";
import { objectsOfFiles } from "./analysis-input.ts";
import { namespaceOption } from "./api-client.ts";
import { EXPLANATION_OUTPUTS, type ExplanationOutput, explanationText } from "./explanation-output.ts";
import { meshSettings } from "./mesh-settings.ts";
import { readFiles } from "./object-files.ts";
import { print, printError, styleOf } from "./terminal.ts";

interface ExplainOptions {
  readonly filename: readonly string[];
  readonly recursive?: true;
  readonly namespace: string;
  readonly from?: string;
  readonly gateway?: string;
  readonly method: string;
  readonly header?: readonly string[];
  readonly sourceIp?: string;
  readonly jwt?: string;
  readonly output: ExplanationOutput;
}

export function define(command: Command): void {
  command
    .argument("<url>", "as the client writes it")
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
  command.action((url: string, options: ExplainOptions) => run(url, options));
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

async function run(url: string, options: ExplainOptions): Promise<void> {
  const parsed = parseUrl(url);
  const headers = (options.header ?? []).flatMap(parseHeader);
  const claims = options.jwt === undefined ? undefined : await readClaims(options.jwt);
  const { mesh, sources } = await load(options);
  const entry = entryOf(mesh, options);
  const sourceAddress = sourceOf(mesh, entry, options);
  const method = options.method.toUpperCase();
  const question: Question = { entry, method, url: parsed, headers, sourceAddress, claims };
  const explanation = explain(mesh, sources, question);
  await print(explanationText(explanation, question, options.output, styleOf(process.stdout)));
}

async function load(options: ExplainOptions): Promise<{ readonly mesh: Mesh; readonly sources: SourceMap }> {
  const files = await readFiles(options.filename, options.recursive === true);
  const { objects, unreadable } = objectsOfFiles(files, options.namespace);
  const settings = meshSettings(undefined);
  const { parts, sources, results } = translate(objects, settings);
  const diagnostics = [...unreadable, ...results.flatMap((result) => result.diagnostics)];
  if (hasErrors(diagnostics)) {
    const errors = diagnostics.filter(({ severity }) => severity === "error");
    await printError(errors.map(renderDiagnostic).join("\n"));
    throw new Failure("what the files say is not whole: some of it cannot be read", {
      hint: "heddle analyze shows the rest",
      exit: EXIT.data,
    });
  }
  return { mesh: buildMesh(settings, parts), sources };
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

async function readClaims(path: string): Promise<JsonObject> {
  const [file] = await readFiles([path]);
  const text = Buffer.from(file?.content ?? "").toString("utf8");
  const claims = parseJson(text);
  if (typeof claims === "object" && claims !== null && !Array.isArray(claims)) return claims as JsonObject;
  throw new Failure(`${path} holds no claims`, { hint: '{"iss": "https://issuer", "sub": "alice"}', exit: EXIT.data });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// ── who asks ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

function entryOf(mesh: Mesh, { from, gateway, namespace }: ExplainOptions): Question["entry"] {
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

function sourceOf(mesh: Mesh, entry: Question["entry"], { sourceIp, from, namespace }: ExplainOptions): string {
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
