import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readJoinToken } from "../../src/pki/join-token.ts";
import { EXAMPLE, Heddle, ROOT, until } from "./heddle.ts";

const heddle = new Heddle();
const VIRTUAL_SERVICE = readFileSync(join(EXAMPLE, "virtualservice.yaml"), "utf8");
const SERVICE = `apiVersion: v1
kind: Service
metadata: {name: golden-signal}
spec: {selector: {app: golden-signal}, ports: [{name: http, port: 80, targetPort: http}]}
`;

function write(name: string, text: string): string {
  writeFileSync(join(heddle.folder, name), text);
  return name;
}

beforeAll(async () => {
  await heddle.up();
  write("service.yaml", SERVICE);
  const { code } = await heddle.call(["apply", "-f", "service.yaml", join(EXAMPLE, "destinationrule.yaml")]);
  expect(code).toBe(0);
}, 20_000);

afterAll(async () => {
  await heddle.close();
  expect(heddle.leftovers()).toEqual([]);
}, 20_000);

interface BadFile {
  readonly what: string;
  readonly from: string | RegExp;
  readonly to: string;
  /** Line and column, what is wrong, what would be right. */
  readonly said: readonly string[];
}

const BAD_FILES: readonly BadFile[] = [
  {
    what: "malformed YAML",
    from: "    - route:",
    to: "    - route:\n  oops",
    said: ["bad.yaml:10:3:", "not valid YAML", "try: a colon and a space after"],
  },
  {
    what: "an unknown kind",
    from: "VirtualService",
    to: "VirtualServce",
    said: ["bad.yaml:2:7:", '"VirtualServce"', "try: kind: VirtualService"],
  },
  {
    what: "an unknown version",
    from: "v1alpha3",
    to: "v2",
    said: ["bad.yaml:1:13:", '"networking.istio.io/v2"', "try:"],
  },
  {
    what: "an unknown field",
    from: "  hosts:",
    to: "  hosst:",
    said: ["bad.yaml:6:3:", 'unknown field "hosst"', "try: hosts"],
  },
  {
    what: "a wrong type",
    from: "weight: 80",
    to: "weight: eighty",
    said: ["bad.yaml:13:19:", "whole number", '"eighty"', "try:"],
  },
  {
    what: "a bad port",
    from: "subset: v1",
    to: "port: {number: 99999}",
    said: ["bad.yaml:12:28:", "from 1 to 65535", "99999"],
  },
  {
    what: "a destination without a subset",
    from: "subset: v2",
    to: "subset: v3",
    said: ["bad.yaml:16:21:", 'no subset "v3"', "it has v1, v2", "try: subset: v1"],
  },
  {
    what: "weights that do not add up",
    from: "weight: 20",
    to: "weight: 30",
    said: ["bad.yaml:9:7:", "add up to 110", "try: weights that add up to 100"],
  },
];

describe("apply says where and what, exits with 65 and changes nothing", () => {
  for (const { what, from, to, said } of BAD_FILES) {
    test(what, async () => {
      write("bad.yaml", VIRTUAL_SERVICE.replace(from, to));
      const other = write("other.yaml", SERVICE.replaceAll("golden-signal", "another"));
      const { code, stdout, stderr } = await heddle.call(["apply", "-f", "bad.yaml", other]);
      expect(stderr).toStartWith("error[");
      for (const text of said) expect(stderr).toContain(text);
      expect(stderr).toContain("nothing was applied");
      expect(stderr).not.toContain("    at "); // no stack
      expect({ code, stdout }).toEqual({ code: 65, stdout: "" });
      expect(await heddle.getObject("virtualservice", "golden-signal")).toBeUndefined();
      expect(await heddle.getObject("service", "another")).toBeUndefined();
    }, 15_000);
  }

  test("a file that is not there", async () => {
    const { code, stderr } = await heddle.call(["apply", "-f", "missing.yaml"]);
    expect({ code, stderr }).toEqual({ code: 65, stderr: "error: cannot read missing.yaml: there is no such file\n" });
  }, 10_000);

  test("a kind that the API does not store", async () => {
    const { code, stderr } = await heddle.call(["apply", "-f", "-"], {
      stdin: "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n",
    });
    expect(code).toBe(65);
    expect(stderr).toContain('standard input:2:7: unknown kind "Deployment" in apps');
  }, 10_000);
});

describe("a wrong command line exits with 64 and the way out", () => {
  const cases: readonly (readonly [string, readonly string[], string, string])[] = [
    ["an unknown command", ["aply"], "unknown command `aply`", "try: apply"],
    ["a command of istioctl's", ["validate", "-f", "x"], "unknown command `validate`", "try: heddle analyze FILES"],
    [
      "one that is near another",
      ["tag", "list"],
      "unknown command `tag`",
      "try: heddle --help: Heddle has nothing like it",
    ],
    ["an experimental one of istioctl's", ["x", "precheck"], "unknown command `precheck`", "try: heddle check"],
    ["an unknown flag", ["apply", "--filname", "x"], "unknown option `--filname`", "try: --filename"],
    ["no command", [], "no command given", "try: heddle --help"],
    ["a missing option", ["apply"], "-f FILE is missing", "try:"],
    [
      "a bad port",
      ["run", "--name", "web", "--port", "80a", "--", "true"],
      '--port is not a port from 1 to 65535: "80a"',
      "try: --port 8080",
    ],
    ["a bad name", ["run", "--name", "Web_1", "--", "true"], '--name is not a name: "Web_1"', "try:"],
    [
      "a bad upstream",
      ["run", "--name", "web", "--upstream", "9191", "--", "true"],
      "--upstream is not LOCAL-PORT=HOST:PORT",
      "try: --upstream 9191=golden-signal:80",
    ],
    ["a bad duration", ["up", "--cert-ttl", "20"], "--cert-ttl is not a duration", "try:"],
    ["a bad trust domain", ["up", "--trust-domain", "A B"], "--trust-domain", "try:"],
    ["a bad server", ["get", "vs", "--server", "ftp://x"], "--server is not the URL of a server", "try:"],
    ["an unknown kind", ["get", "virtualservic"], 'unknown kind: "virtualservic"', "try: virtualservice"],
    ["an unknown form of output", ["get", "vs", "-o", "xml"], "--output is none of table,", "try: one of table,"],
    [
      "an unknown form of what is tapped",
      ["tap", "-o", "xml"],
      "--output is none of text, json",
      "try: one of text, json",
    ],
    ["a misspelt form of output", ["get", "vs", "-o", "yml"], '"yml"', "try: --output yaml"],
    [
      "a misspelt level of the log",
      ["--log-level", "inf", "get", "vs"],
      "--log-level is none of",
      "try: --log-level info",
    ],
    [
      "a condition that nobody writes of the kind",
      ["wait", "service/web"],
      "the control plane says nothing of Programmed about a Service",
      "try: an object of Istio's kinds",
    ],
    ["a shell that is none", ["completion", "fissh"], "shell is none of bash, zsh, fish", "try: fish"],
    ["commands without one", ["x", "authz"], "`heddle x authz` needs a command after it", "try: heddle x authz --help"],
    ["help about nothing", ["help", "aply"], "unknown command `aply`", "try: apply"],
    [
      "a token that is none",
      ["run", "--name", "web", "--token", "abc", "--", "true"],
      "the join token cannot be read",
      "try:",
    ],
    ["an unknown argument of the proxy", ["proxy", "--nope"], "unknown argument of heddle proxy", "try:"],
  ];
  for (const [what, args, problem, wayOut] of cases) {
    test(what, async () => {
      const { code, stdout, stderr } = await heddle.call(args);
      expect(stderr).toStartWith("error: ");
      expect(stderr).toContain(problem);
      expect(stderr).toContain(wayOut);
      expect(stderr.trimEnd().split("\n").length).toBeLessThanOrEqual(2);
      expect({ code, stdout }).toEqual({ code: 64, stdout: "" });
    }, 10_000);
  }
});

test("a control plane that is not there is told with the way out", async () => {
  const { code, stderr } = await heddle.call(["get", "vs", "--server", "http://127.0.0.1:9"]);
  expect(code).toBe(1);
  expect(stderr).toBe(
    "error: cannot reach the control plane at http://127.0.0.1:9: connection refused\n  try: start it with `heddle up`, or name another with --server\n",
  );
}, 10_000);

test("a folder of configuration that is not there is told before anything is made", async () => {
  const state = join(heddle.folder, "never");
  const { code, stderr } = await heddle.call(["up", "--state", state, "--config", "/nowhere"]);
  expect(code).toBe(65);
  expect(stderr).toBe(
    "error: --config /nowhere: there is no such folder\n  try: --config names a folder of YAML files\n",
  );
  expect(existsSync(state)).toBe(false);
}, 10_000);

describe("objects that conflict", () => {
  const route = (name: string, host: string) =>
    `---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: ${name}}\nspec:\n  hosts: [${host}]\n  http: [{route: [{destination: {host: golden-signal}}]}]\n`;

  test("both places are named, nothing is applied; changing places in one set is fine", async () => {
    write("both.yaml", `${route("first", "one.test")}${route("second", "one.test")}`);
    const refused = await heddle.call(["apply", "-f", "both.yaml"]);
    expect(refused.code).toBe(65);
    expect(refused.stderr).toContain("error[IST0109] both.yaml:6:11");
    expect(refused.stderr).toContain("note: VirtualService default/second is at both.yaml:13:11");
    expect(refused.stderr).toContain("error[IST0109] both.yaml:13:11");
    expect(refused.stderr).toContain("note: VirtualService default/first is at both.yaml:6:11");
    expect(await heddle.getObject("virtualservice", "first")).toBeUndefined();

    write("apart.yaml", `${route("first", "one.test")}${route("second", "two.test")}`);
    expect((await heddle.call(["apply", "-f", "apart.yaml"])).code).toBe(0);
    write("late.yaml", route("third", "two.test"));
    const late = await heddle.call(["apply", "-f", "late.yaml"]);
    expect(late.code).toBe(65);
    expect(late.stderr).toContain("default/second");

    write("swapped.yaml", `${route("first", "two.test")}${route("second", "one.test")}`);
    const swapped = await heddle.call(["apply", "-f", "swapped.yaml"]);
    expect(swapped.stdout).toContain("virtualservice.networking.istio.io/first configured");
    expect(swapped.code).toBe(0);
    for (const name of ["first", "second"]) await heddle.call(["delete", "virtualservice", name]);
  }, 20_000);

  test("a misspelt field of Kubernetes' own kinds is told with the right one", async () => {
    write("misspelt.yaml", SERVICE.replace("selector:", "selecter:").replace("golden-signal", "misspelt"));
    const { code, stderr } = await heddle.call(["apply", "--dry-run", "-f", "misspelt.yaml"]);
    expect(code).toBe(0);
    expect(stderr).toContain('warning[HED1623] misspelt.yaml:4:8: unknown field "selecter"');
    expect(stderr).toContain("try: selector");
  }, 10_000);
});

test("a token that expired is told with the way out, and nothing is registered", async () => {
  const { stdout: token } = await heddle.call(["token", "--ttl", "1s"]);
  const claims = readJoinToken(token.trim());
  await until(() => claims.kind === "parsed" && Date.now() > claims.value.expiresMs);
  const { code, stderr } = await heddle.call(["run", "--name", "late", "--", "true"], {
    env: { HEDDLE_TOKEN: token.trim() },
  });
  expect(code).toBe(1);
  expect(stderr).toStartWith("error: the join token expired at ");
  expect(stderr).toContain("try: make a new one with `heddle token`");
  expect((await heddle.call(["get", "pods", "-o", "name"])).stdout).toBe("");
}, 15_000);

test("a reader that goes away ends a command without a word, as SIGPIPE does", async () => {
  const script = 'exec 3>&1; { "$@"; echo $? >&3; } 2>&3 | true';
  const shell = ["sh", "-c", script, "sh", process.execPath, join(ROOT, "src", "main.ts"), "get", "crd", "-o", "json"];
  const child = Bun.spawn(shell, {
    env: { ...process.env, HEDDLE_STATE: heddle.state },
    stdio: ["ignore", "pipe", "inherit"],
  });
  expect(await new Response(child.stdout).text()).toBe("141\n");
}, 10_000);

test("a reader of the errors that goes away changes nothing about how a command ends", async () => {
  write("twice.yaml", SERVICE.replace("kind: Service", "kind: Service\nkind: Service"));
  const script = 'exec 3>&1; { "$@" 2>&4; echo $? >&3; } 4>&1 >/dev/null | true';
  const shell = ["sh", "-c", script, "sh", process.execPath, join(ROOT, "src", "main.ts"), "apply", "-f", "twice.yaml"];
  const child = Bun.spawn(shell, { cwd: heddle.folder, stdio: ["ignore", "pipe", "inherit"] });
  expect(await new Response(child.stdout).text()).toBe("65\n");
}, 10_000);

test("colours are for terminals alone", async () => {
  const { stderr } = await heddle.call(["aply"], { env: { FORCE_COLOR: "1" } });
  expect(stderr).not.toContain("\x1b[");
}, 10_000);
