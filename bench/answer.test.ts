import { expect, test } from "bun:test";
import { answerLength } from "./answer.ts";

const ANSWER = "HTTP/1.1 200 OK\r\nserver: x\r\nContent-Length: 5\r\n\r\nhello";

test("an answer is complete when its body is", () => {
  expect(answerLength(Buffer.from(ANSWER))).toBe(ANSWER.length);
  expect(answerLength(Buffer.from(`${ANSWER}HTTP/1.1 200 OK`))).toBe(ANSWER.length);
  for (let cut = 0; cut < ANSWER.length; cut++) expect(answerLength(Buffer.from(ANSWER.slice(0, cut)))).toBe(0);
});

test("another status or an answer without a length is an error", () => {
  expect(answerLength(Buffer.from(ANSWER.replace("200", "503")))).toBe(-1);
  expect(answerLength(Buffer.from(ANSWER.replace("Content-Length", "content-type")))).toBe(-1);
});
