// Byte streams. The first line of a client says what is wanted; the greeter speaks first.
//
//   echo      sends back what comes, and its end
//   hash      says nothing until the client's end, then the hash of what came
//   send N    N bytes and the end, whatever the client does
//   both N    N bytes at once, and after the client's end the hash of what came
//   reset     RST

import { createServer, type Socket } from "node:net";
import { content, sha256 } from "./content.ts";

/** Reads one line, and gives what came after it back to the socket. */
function readLine(socket: Socket, onLine: (line: string) => void): void {
  let held = Buffer.alloc(0);
  const onData = (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
    const end = held.indexOf("\n");
    if (end < 0) return;
    socket.off("data", onData);
    socket.pause();
    if (held.length > end + 1) socket.unshift(held.subarray(end + 1));
    onLine(held.subarray(0, end).toString());
  };
  socket.on("data", onData);
}

function hashOfRest(socket: Socket, onHash: (hash: string) => void): void {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.on("end", () => onHash(sha256(Buffer.concat(chunks))));
  socket.resume();
}

function obey(socket: Socket, line: string): void {
  const [verb, count = "0"] = line.split(" ");
  switch (verb) {
    case "echo":
      socket.pipe(socket);
      return;
    case "hash":
      hashOfRest(socket, (hash) => socket.end(hash));
      return;
    case "send":
      socket.end(content(Number(count)));
      socket.resume();
      return;
    case "both":
      socket.write(content(Number(count)));
      hashOfRest(socket, (hash) => socket.end(hash));
      return;
    case "reset":
      socket.resetAndDestroy();
      return;
    default:
      socket.end(`unknown: ${line}\n`);
  }
}

export function serveBytes(socket: Socket): void {
  socket.on("error", () => {}); // a client that resets
  readLine(socket, (line) => obey(socket, line));
}

export function listenBytes(port: number): void {
  createServer({ allowHalfOpen: true }, serveBytes).listen(port, "127.0.0.1");
}

/** A server that speaks first, as those of SMTP and MySQL do. */
export function listenGreeter(port: number): void {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => {});
    socket.write("220 ready\n");
    readLine(socket, (line) => socket.end(`250 ${line}\n`));
  });
  server.listen(port, "127.0.0.1");
}
