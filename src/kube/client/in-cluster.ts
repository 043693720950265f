// The connection that every Pod has: the environment names the server, a mounted folder has the service account.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../../base/failure.ts";
import type { KubeConnection } from "./connection.ts";
import { type KubeconfigOptions, kubeconfigConnection, kubeconfigFiles } from "./kubeconfig.ts";

const FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount";

/** The kubelet renews the token about every hour and puts it in the same place; client-go reads it again every minute. */
const TOKEN_MS = 60_000;

function read(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (cause) {
    throw new Failure(`cannot read the service account: ${Failure.from(cause).message}`, {
      hint: "set automountServiceAccountToken for this Pod",
      cause,
    });
  }
}

/** Whether this process is in a Pod that may speak to its API server. */
export function isInCluster(folder = FOLDER): boolean {
  return process.env.KUBERNETES_SERVICE_HOST !== undefined && existsSync(join(folder, "token"));
}

/** Throws a Failure outside of a Pod. `folder` is where the service account is mounted. */
export function inClusterConnection(folder = FOLDER): KubeConnection {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = "443" } = process.env;
  if (host === undefined) throw new Failure("this process is not in a Pod: KUBERNETES_SERVICE_HOST is not set");
  const tokenFile = join(folder, "token");
  let token = read(tokenFile);
  let readAt = performance.now();
  return {
    server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    namespace: existsSync(join(folder, "namespace")) ? read(join(folder, "namespace")) : "default",
    tls: { ca: read(join(folder, "ca.crt")) },
    credentials: async (rejected) => {
      if (rejected || performance.now() - readAt > TOKEN_MS) {
        token = read(tokenFile);
        readAt = performance.now();
      }
      return { headers: { authorization: `Bearer ${token}` } };
    },
    fetch: (url, request) => fetch(url, request),
  };
}

/** What kubectl does: a kubeconfig if there is one, else the Pod's service account. */
export function defaultConnection(options: KubeconfigOptions = {}): KubeConnection {
  const hasKubeconfig = options.file !== undefined || kubeconfigFiles().some((file) => existsSync(file));
  return !hasKubeconfig && isInCluster() ? inClusterConnection() : kubeconfigConnection(options);
}
