// Makes a JetStream stream with nats.js under Node, publishes into it, and prints how much it keeps.
//
//   node tests/stock/stream.mjs nats://127.0.0.1:4250 NAME
import process from "node:process";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";

const [servers, name] = process.argv.slice(2);
const bus = await connect({ servers });
const manager = await jetstreamManager(bus);
await manager.streams.add({ name, subjects: [`${name}.>`] });
const { seq } = await jetstream(bus).publish(`${name}.first`, "kept");
const { state } = await manager.streams.info(name);
process.stdout.write(`${seq} of ${state.messages}\n`);
await bus.close();
