// Names in the running mesh, for a shell that waits for them: soon, or none.

import { KubeClient } from "../../kube/client/client.ts";
import { plainConnection } from "../../kube/client/connection.ts";
import type { ResourceType } from "../../kube/resources.ts";
import { type ApiOptions, serverOf } from "../api-client.ts";

/** A person has pressed a key and looks at the screen. */
const PATIENCE_MS = 1_000;

export interface LiveNames {
  /** `namespace` undefined: of all. Never rejects: without a mesh there are no names. */
  objects(type: ResourceType, namespace: string | undefined): Promise<readonly LiveName[]>;
}

export interface LiveName {
  readonly namespace: string;
  readonly name: string;
}

export function liveNames(options: ApiOptions): LiveNames {
  const connection = plainConnection(serverOf(options));
  const hurried = {
    ...connection,
    fetch: (url: string, request: Parameters<typeof connection.fetch>[1]) =>
      connection.fetch(url, { ...request, signal: AbortSignal.timeout(PATIENCE_MS) }),
  };
  const client = new KubeClient(hurried, "heddle");
  return {
    objects: async (type, namespace) => {
      const place = namespace === undefined || !type.namespaced ? {} : { namespace };
      const list = await client.list(type, place).catch(() => undefined);
      return (list?.objects ?? []).map(({ metadata }) => ({
        namespace: metadata.namespace ?? "",
        name: metadata.name,
      }));
    },
  };
}
