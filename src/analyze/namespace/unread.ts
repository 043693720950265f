// Namespaces that the mesh does not read, named by objects that it does.

import type { Message } from "../../model/message.ts";
import { finding } from "../code.ts";
import type { World } from "../world.ts";

export function namespaceNotRead(namespace: string, world: World): Message {
  const message = `nobody reads this namespace, and nothing in it is in the mesh: ${JSON.stringify(namespace)}`;
  return finding("HED1640", message, world.unread(namespace));
}
