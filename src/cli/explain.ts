// `heddle explain`: where a request would go, and which object, file and line decides it.

import type { JsonObject } from "@bufbuild/protobuf";
import { type Command, Option } from "commander";
import { renderDiagnostic } from "../base/diagnostic.ts";
import { EXIT, Failure } from "../base/failure.ts";
import { translate } from "../dialect/dialects.ts";
import type { TextFile } from "../dialect/load.ts";
import { Explainer } from "../explain/explain.ts";
import { explainLive } from "../explain/explain-live.ts";
import { isOfBytes, type Question } from "../explain/question.ts";
import { buildMesh } from "../model/build.ts";
import type { Mesh } from "../model/mesh.ts";
import type { MeshSettings } from "../model/settings.ts";
import type { SourceMap } from "../model/source-map.ts";
import type { WorkloadProxy } from "../model/workload.ts";
import { adminOption } from "./admin-option.ts";
import { objectsOfFiles } from "./analysis-input.ts";
import { type ApiOptions, apiOptions, namespaceOption } from "./api-client.ts";
import { type Asker, doorNamed, entryOf, isMeant, sourceOf } from "./asker.ts";
import { targetOf } from "./compile-target.ts";
import { EXPLANATION_OUTPUTS, type ExplanationOutput, explanationText } from "./explanation-output.ts";
import { filesInsteadOption, proxyOption, recursiveOption } from "./files-option.ts";
import { liveProxies } from "./live-proxies.ts";
import { asRunning } from "./manifests.ts";
import { meshConfigOption, meshSettings } from "./mesh-settings.ts";
import { dashboardOption, type MeshOptions } from "./mesh-status.ts";
import { readFiles } from "./object-files.ts";
import { objectsInForce } from "./objects-in-force.ts";
import { print, type Style, styleOf } from "./terminal.ts";
import { method } from "./values.ts";

/** What is asked, beside the URL. */
export interface Asked extends Asker {
  readonly method: string;
  readonly proxy?: WorkloadProxy["kind"];
  readonly header?: readonly string[];
  readonly output: ExplanationOutput;
}

interface ExplainOptions extends Asked, ApiOptions, MeshOptions {
  readonly recursive?: true;
  readonly meshConfig?: string;
  readonly admin?: string;
  readonly jwt?: string;
}

export function define(command: Command): void {
  command
    .argument("[url]", "as the client writes it; tcp://HOST:PORT and tls://HOST:PORT for bytes")
    .addOption(filesInsteadOption())
    .addOption(recursiveOption())
    .addOption(proxyOption())
    .addOption(namespaceOption())
    .addOption(meshConfigOption())
    .option("--from <namespace/workload>", "who sends the request: a Pod, or what owns it")
    .option("--gateway <name>", "the request comes from outside, to this Gateway or to the workload that opens it")
    .option("-X, --method <method>", "of the request", method, "GET")
    .addOption(
      new Option("-H, --header <line>", "of the request, as `name: value`; repeat it for more").argParser(collect),
    )
    .option("--source-ip <address>", "of the client, where it is not that of --from")
    .option("--jwt <file>", "claims of the request's token in JSON, taken for signed")
    .addOption(adminOption("admin interface of that workload's proxy, HOST:PORT, where it was not started here"))
    .addOption(new Option("-o, --output <form>").choices(EXPLANATION_OUTPUTS).default("text"))
    .addOption(dashboardOption());
  for (const option of apiOptions()) command.addOption(option);
  command.addHelpText("after", HELP);
  command.action((url: string | undefined, options: ExplainOptions) => run(url, options));
}

const HELP = `
Nothing is sent. With -f what the proxies would be told is compiled from the files; without it the objects are those of the running mesh,
and proxies that can be reached are asked what they run and which endpoints they found wanting. The proxies' own functions decide.
Exit code 1 when nobody in the mesh is called so, 65 when nobody in the files is, or a file has errors.`;

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
  if (last !== undefined && /^(?:https?|tcp|tls):/i.test(last)) return { url: last, names: names.slice(0, -1) };
  throw usage("no URL is asked about", "http://golden-signal/path");
}

async function run(given: string | undefined, options: ExplainOptions): Promise<void> {
  const [claims] = options.jwt === undefined ? [] : await readFiles([options.jwt]);
  const style = styleOf(process.stdout);
  if (options.filename === undefined) {
    if (options.proxy !== undefined) throw usage("--proxy is of files", "-f FILES");
    if (given === undefined) throw usage("no URL is asked about", "http://golden-signal/path");
    return print(await liveAnswer(given, claims, options, style));
  }
  const { url, names } = split(given, options.filename);
  const files = await readFiles(names, options.recursive === true);
  const { objects } = objectsOfFiles(files, options.namespace);
  const settings = meshSettings(options.state, options.meshConfig, objects);
  await print(answer({ files, claims, settings }, url, options, style));
}

export interface Given {
  readonly files: readonly TextFile[];
  readonly claims: TextFile | undefined;
  readonly settings: MeshSettings;
}

/** Of the running mesh. What is wrong with its objects is left out, as the control plane leaves it out. */
async function liveAnswer(
  text: string,
  claims: TextFile | undefined,
  options: ExplainOptions,
  style: Style,
): Promise<string> {
  const objects = await objectsInForce(options);
  const { parts, sources, settings } = translate(objects, meshSettings(options.state, options.meshConfig, objects));
  const mesh = buildMesh(settings, parts);
  const question = questionOf(mesh, text, claims, options);
  const { workload } = question.entry;
  const addresses = new Map(options.admin === undefined ? [] : [[workload, options.admin]]);
  const explanation = await explainLive(mesh, sources, question, (workloads) =>
    liveProxies(workloads, options, addresses),
  );
  return explanationText(explanation, question, options.output, style);
}

/** What the command says. Throws a Failure for what is wrong with its arguments and files. */
export function answer({ files, claims, settings }: Given, url: string, options: Asked, style: Style): string {
  const { mesh, sources } = load(files, options, settings);
  const question = questionOf(mesh, url, claims, options);
  return explanationText(new Explainer(mesh, sources).explain(question), question, options.output, style);
}

function questionOf(mesh: Mesh, url: string, claims: TextFile | undefined, options: Asked): Question {
  const parsed = parseUrl(url);
  withoutHead(parsed, options);
  const headers = (options.header ?? []).flatMap(parseHeader);
  const entry = entryOf(mesh, options);
  return {
    entry,
    method: options.method,
    url: parsed,
    headers,
    sourceAddress: sourceOf(mesh, entry, options),
    claims: claims && readClaims(claims),
  };
}

function load(
  files: readonly TextFile[],
  { namespace, gateway, proxy }: Asked,
  settings: MeshSettings,
): { readonly mesh: Mesh; readonly sources: SourceMap } {
  const { objects, unreadable } = objectsOfFiles(files, namespace);
  const running = asRunning(objects, proxy);
  const { parts, sources, results, settings: inForce } = translate(running, settings);
  const errors = [...unreadable, ...results.flatMap((result) => result.diagnostics)].filter(
    ({ severity }) => severity === "error",
  );
  if (errors.length === 0) {
    const mesh = buildMesh(inForce, parts);
    // Of a Gateway whose workload is none of the files', as Istio's own is.
    const isOpened = gateway === undefined || doorNamed(mesh, gateway) !== undefined;
    const isThere = parts.gateways.some(({ origin }) => isMeant(gateway ?? "", origin));
    if (isOpened || !isThere) return { mesh, sources };
    const { object } = targetOf(running, parts, { gateway, proxy });
    const opened = translate([...running.filter(({ key }) => key !== object.key), object], settings);
    return { mesh: buildMesh(opened.settings, opened.parts), sources: opened.sources };
  }
  throw new Failure(`what cannot be read cannot be explained:\n${errors.map(renderDiagnostic).join("\n")}`, {
    hint: "heddle analyze",
    exit: EXIT.data,
  });
}

const SCHEMES: readonly string[] = ["http:", "https:", "tcp:", "tls:"];

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !SCHEMES.includes(url.protocol) || url.hostname === "")
    throw usage(
      `no URL that a client calls: ${JSON.stringify(text)}`,
      "http://golden-signal/path, https://, or tcp://db:5432, tls://db:5432 for bytes",
    );
  if (url.protocol === "tcp:" && url.port === "") throw usage(`no port in ${text}`, `tcp://${url.hostname}:5432`);
  return url;
}

/** Bytes have no heads: what is said of one would have no effect. */
function withoutHead(url: URL, { header, jwt, method }: Asked & { readonly jwt?: string }): void {
  if (!isOfBytes(url)) return;
  const given = header ? "--header" : jwt !== undefined ? "--jwt" : method !== "GET" ? "--method" : undefined;
  if (given) throw usage(`${given} is of requests, and ${url.protocol}// brings bytes`, `http://${url.host}/`);
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
