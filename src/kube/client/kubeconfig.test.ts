import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Failure } from "../../base/failure.ts";
import { inClusterConnection } from "./in-cluster.ts";
import { kubeconfigConnection } from "./kubeconfig.ts";

let folder: string;
const before = { ...process.env };

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "heddle-kubeconfig-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
  for (const name of ["KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"]) {
    if (before[name] === undefined) delete process.env[name];
    else process.env[name] = before[name];
  }
});

function write(name: string, text: string): string {
  const path = join(folder, name);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, text);
  return path;
}

/** A kubeconfig with one cluster and one user, whose parts are given as flow YAML. */
function config(user: string, cluster = "server: https://k8s.example:6443/", context = "cluster: c, user: u"): string {
  return write(
    "config",
    `current-context: x\nclusters: [{name: c, cluster: {${cluster}}}]\nusers: [{name: u, user: {${user}}}]\ncontexts: [{name: x, context: {${context}}}]\n`,
  );
}

function failureOf(action: () => unknown): Failure {
  try {
    action();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("expected a Failure");
}

async function headersOf(user: string): Promise<Readonly<Record<string, string>>> {
  return (await kubeconfigConnection({ file: config(user) }).credentials(false)).headers;
}

describe("kubeconfig", () => {
  test("gives the server, the namespace, and PEM from base64 and from files beside it", () => {
    write("pki/key.pem", "KEY");
    const cluster = `server: "https://k8s.example:6443/", certificate-authority-data: ${btoa("CA")}, tls-server-name: kubernetes`;
    const user = `client-certificate-data: ${btoa("CERT")}, client-key: pki/key.pem`;
    const connection = kubeconfigConnection({ file: config(user, cluster, "cluster: c, user: u, namespace: team") });
    expect(connection.server).toBe("https://k8s.example:6443");
    expect(connection.namespace).toBe("team");
    expect(connection.tls).toEqual({ ca: "CA", cert: "CERT", key: "KEY", serverName: "kubernetes" });
  });

  test("logs in by token, by a file that is renewed, by password, and as somebody else", async () => {
    expect(await headersOf("token: abc, as: jane")).toEqual({
      authorization: "Bearer abc",
      "impersonate-user": "jane",
    });
    expect(await headersOf("username: a, password: b")).toEqual({ authorization: `Basic ${btoa("a:b")}` });
    expect(await headersOf("{}".slice(1, 1))).toEqual({});
    write("token", "one\n");
    const connection = kubeconfigConnection({ file: config("tokenFile: token, token: old") });
    expect((await connection.credentials(false)).headers.authorization).toBe("Bearer one");
    write("token", "two\n");
    expect((await connection.credentials(false)).headers.authorization).toBe("Bearer two");
  });

  test("runs a credential plugin once, tells it the cluster, and runs it again when it expires or is rejected", async () => {
    const count = join(folder, "count");
    const plugin = write(
      "plugin.sh",
      `#!/bin/sh\necho x >> ${count}\nserver=$(echo "$KUBERNETES_EXEC_INFO" | grep -o 'k8s.example')\n` +
        `echo "{\\"kind\\":\\"ExecCredential\\",\\"status\\":{\\"token\\":\\"$1-$MORE-$server-$(wc -l < ${count} | tr -d ' ')\\",\\"expirationTimestamp\\":\\"$EXPIRES\\"}}"\n`,
    );
    await Bun.$`chmod +x ${plugin}`.quiet();
    const exec = (expires: string) =>
      `exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin.sh, args: [a], provideClusterInfo: true, env: [{name: MORE, value: m}, {name: EXPIRES, value: "${expires}"}]}`;
    const lasting = kubeconfigConnection({ file: config(exec("2999-01-01T00:00:00Z")) });
    const [one, two] = await Promise.all([lasting.credentials(false), lasting.credentials(false)]);
    expect(one!.headers.authorization).toBe("Bearer a-m-k8s.example-1");
    expect(two).toEqual(one!);
    expect((await lasting.credentials(true)).headers.authorization).toBe("Bearer a-m-k8s.example-2");
    const expired = kubeconfigConnection({ file: config(exec("2001-01-01T00:00:00Z")) });
    await expired.credentials(false);
    expect((await expired.credentials(false)).headers.authorization).toBe("Bearer a-m-k8s.example-4");
  });

  test("a plugin that fails is a failure with its own hint", async () => {
    const exec = 'exec: {apiVersion: client.authentication.k8s.io/v1, command: "false", installHint: install it}';
    const failure = await kubeconfigConnection({ file: config(exec) })
      .credentials(false)
      .catch((error: unknown) => error);
    expect((failure as Failure).message).toContain("the credential plugin false failed: it exited with 1");
    expect((failure as Failure).hint).toBe("install it");
  });

  test("several files are merged: the first to name something has it", () => {
    const first = write("a", "current-context: x\nclusters: [{name: c, cluster: {server: 'https://one'}}]\n");
    const second = write(
      "b",
      "current-context: y\nclusters: [{name: c, cluster: {server: 'https://two'}}]\ncontexts: [{name: x, context: {cluster: c}}]\n",
    );
    process.env.KUBECONFIG = `${first}:${join(folder, "missing")}:${second}`;
    expect(kubeconfigConnection().server).toBe("https://one");
  });

  test.each([
    [
      "there is no such context",
      () => kubeconfigConnection({ file: config("token: a"), context: "xx" }),
      'has no context "xx"',
      'did you mean "x"?',
    ],
    [
      "nothing says which context",
      () => kubeconfigConnection({ file: write("c", "clusters: []") }),
      "has no current-context",
      "name a context",
    ],
    ["the YAML is broken", () => kubeconfigConnection({ file: write("c", "a: 1\nb: [\n") }), "c:3:", undefined],
    [
      "a list is none",
      () => kubeconfigConnection({ file: write("c", "clusters: 3") }),
      "clusters must be a list",
      undefined,
    ],
    [
      "the file is missing",
      () => kubeconfigConnection({ file: join(folder, "no") }),
      "cannot read the kubeconfig",
      undefined,
    ],
    [
      "the server is no URL",
      () => kubeconfigConnection({ file: config("", "server: nonsense") }),
      "has no valid server URL",
      undefined,
    ],
    [
      "a key cannot be read",
      () => kubeconfigConnection({ file: config("client-key: nope.pem") }),
      "client-key cannot be read",
      undefined,
    ],
    [
      "it uses auth-provider",
      () => kubeconfigConnection({ file: config("auth-provider: {name: gcp}") }),
      "auth-provider is not supported",
      "use an exec credential plugin, as Kubernetes 1.26 does",
    ],
  ])("when %s, the failure says so", (_, action, message, hint) => {
    const failure = failureOf(action);
    expect(failure.message).toContain(message);
    expect(failure.exit).toBe(65);
    if (hint !== undefined) expect(failure.hint).toBe(hint);
  });
});

describe("in a Pod", () => {
  test("the service account is used, and its token read again when it is rejected", async () => {
    write("token", "one\n");
    write("ca.crt", "CA\n");
    write("namespace", "team");
    process.env.KUBERNETES_SERVICE_HOST = "fd00::1";
    process.env.KUBERNETES_SERVICE_PORT = "6443";
    const connection = inClusterConnection(folder);
    expect(connection).toMatchObject({ server: "https://[fd00::1]:6443", namespace: "team", tls: { ca: "CA" } });
    write("token", "two\n");
    expect((await connection.credentials(false)).headers.authorization).toBe("Bearer one");
    expect((await connection.credentials(true)).headers.authorization).toBe("Bearer two");
  });

  test("outside of one, that is said", () => {
    delete process.env.KUBERNETES_SERVICE_HOST;
    expect(failureOf(() => inClusterConnection(folder)).message).toContain("KUBERNETES_SERVICE_HOST is not set");
  });
});
