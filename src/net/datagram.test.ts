import { expect, test } from "bun:test";
import { bindDatagrams, type DatagramListener } from "./datagram.ts";

const NOBODY: DatagramListener = { onDatagram() {}, onError() {} };

test("an address is one socket's, unless each says that it shares it", async () => {
  const host = "127.0.0.1";
  const own = await bindDatagrams({ host, port: 0, reusePort: false }, NOBODY);
  expect(bindDatagrams({ host, port: own.port, reusePort: false }, NOBODY)).rejects.toThrow();
  const shared = await bindDatagrams({ host, port: 0, reusePort: true }, NOBODY);
  const other = await bindDatagrams({ host, port: shared.port, reusePort: true }, NOBODY);
  expect(other.port).toBe(shared.port);
  for (const socket of [own, shared, other]) socket.close();
});
