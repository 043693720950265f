import { expect, test } from "bun:test";
import { closeSync, fstatSync } from "node:fs";
import { descriptorChannel, receiveDescriptor, sendDescriptor } from "./descriptor-passing.ts";
import { listen } from "./listen.ts";

test("a descriptor that was sent is another one of the same file, in the order of sending", () => {
  const [here, there] = descriptorChannel();
  expect(receiveDescriptor(there)).toBeUndefined();
  expect([sendDescriptor(here, 0), sendDescriptor(here, here)]).toEqual([true, true]);
  const first = receiveDescriptor(there)!;
  const second = receiveDescriptor(there)!;
  expect([first, second]).not.toContain(0);
  expect(fstatSync(first).ino).toBe(fstatSync(0).ino);
  expect(fstatSync(second).ino).toBe(fstatSync(here).ino);
  expect(receiveDescriptor(there)).toBeUndefined();
  for (const fd of [here, there, first, second]) closeSync(fd);
});

test("sending to an end that is gone fails and does not end the process", () => {
  const [here, there] = descriptorChannel();
  closeSync(there);
  expect(sendDescriptor(here, 0)).toBe(false);
  closeSync(here);
});

test("a listening socket that was handed over has the connections that waited in its queue", async () => {
  const [here, there] = descriptorChannel();
  const first = listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, undefined, (stream) => stream.terminate());
  expect(sendDescriptor(here, first.descriptor)).toBe(true);
  first.stop();
  // Nobody accepts now, and the kernel still completes the handshake.
  const heard = Promise.withResolvers<string>();
  const client = await Bun.connect({
    hostname: "127.0.0.1",
    port: first.port,
    socket: { data: (_, chunk) => heard.resolve(chunk.toString()) },
  });
  const fd = receiveDescriptor(there)!;
  const second = listen({ kind: "inherited", fd, port: first.port }, undefined, (stream) => {
    stream.write(Buffer.from("heir"));
    stream.end();
  });
  expect(second.port).toBe(first.port);
  expect(await heard.promise).toBe("heir");
  client.terminate();
  second.stop();
  for (const end of [here, there]) closeSync(end);
});
