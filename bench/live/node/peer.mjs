// The peer: Socket.IO on Node.js with its own defaults (no compression), as a careful programmer would write it.
//
// The first line on standard input says what to serve; every further one is a command, answered with one line of JSON.
import { createSecretKey, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { createInterface } from "node:readline";

import jwt from "jsonwebtoken";
import { Server } from "socket.io";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { secret, rooms, tls } = JSON.parse((await lines.next()).value);
// As a KeyObject: from a string the key would be made anew for every token.
const key = createSecretKey(Buffer.from(secret, "utf8"));
const heads = new Map(rooms.map(({ stream }) => [stream, 0]));

const http = tls ? createTlsServer({ key: tls.key, cert: tls.certificate }) : createServer();
const kitchen = new Server(http, { serveClient: false }).of("/kitchen");

kitchen.use((socket, next) => {
  try {
    const claims = jwt.verify(socket.handshake.auth.token, key, { algorithms: ["HS256"] });
    if (!claims.roles.includes("kitchen")) throw new Error("You may not connect to /kitchen.");
    socket.data.cafeId = claims.cafeId;
    next();
  } catch (error) {
    next(error);
  }
});

kitchen.on("connection", (socket) => {
  socket.on("subscribe", ({ stream }, acknowledge) => {
    if (stream !== `cafe:${socket.data.cafeId}:kitchen`) {
      acknowledge({ ok: false, error: { code: "not_allowed" } });
      return;
    }
    socket.join(stream);
    acknowledge({ ok: true, result: { stream, epoch: 1, head: heads.get(stream), replayed: 0 } });
  });
});

/** One event to everybody in every room: the same bytes as TableTap's. Answers room, seq and when each was emitted. */
function emit(message, times) {
  const emitted = [];
  for (let time = 0; time < times; time += 1) {
    rooms.forEach(({ cafeId, stream }, room) => {
      const seq = heads.get(stream) + 1;
      const eventId = randomUUID();
      heads.set(stream, seq);
      const envelope = { eventId, causeId: eventId, name: "announcement", timestamp: Date.now(), schemaVersion: 1 };
      emitted.push([room, seq, Number(process.hrtime.bigint())]);
      kitchen.to(stream).emit("announcement", { message, ...envelope, cafeId, stream, epoch: 1, seq });
    });
  }
  return emitted;
}

http.listen(0, "127.0.0.1", 1024, () => console.log(JSON.stringify({ port: http.address().port })));
process.on("SIGTERM", () => process.exit(0));
for await (const line of lines) {
  const { ask, message, times } = JSON.parse(line);
  const answer = ask === "emit" ? { emitted: emit(message, times) } : { open: kitchen.sockets.size };
  console.log(JSON.stringify(answer));
}
