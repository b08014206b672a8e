// Emmett as its documentation sets it up: `getPostgreSQLEventStore` with its own migrations, a pool of node-postgres given to it,
// `CommandHandler`, no inline projection while commands are measured. Catch-up: a consumer with a projector of raw SQL.
// It speaks the protocol of work/src/protocol.rs and does the work of work/src/domain.rs.

import { createInterface } from "node:readline";
import { randomUUID } from "node:crypto";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { CommandHandler } from "@event-driven-io/emmett";
import { getPostgreSQLEventStore, postgreSQLRawSQLProjection } from "@event-driven-io/emmett-postgresql";
import { sql, rawSql } from "@event-driven-io/dumbo";
import pg from "pg";

const url = process.env.DATABASE_URL;

const [PIPELINE, OPEN, CLOSED, AGENT] = [1, 2, 3, 4].map((last) => `01920000-0000-7000-8000-00000000000${last}`);
const COMMENT =
  "I have called the fire brigade; they know the way by now and send their regards. The printer has been unplugged, the paper tray has " +
  "been emptied, and the door to the third floor stays locked until somebody from the building has looked at the cable duct. Please " +
  "use the printer on the second floor meanwhile: it takes the same paper, it knows your badge, and it has not burned once since " +
  "spring. I write again on Monday.";

const initialState = () => ({ status: null, owner: null, priority: "None", comments: 0 });

const evolve = (ticket, { type, data }) => {
  switch (type) {
    case "Opened":
      return { ...ticket, status: data.status };
    case "Assigned":
      return { ...ticket, owner: data.to };
    case "Commented":
      return { ...ticket, comments: ticket.comments + 1 };
    case "PriorityChanged":
      return { ...ticket, priority: data.to };
    case "StatusChanged":
      return { ...ticket, status: data.to };
    default:
      throw new Error(`unknown event ${type}`);
  }
};

/** Loads the ticket, decides, appends with the version that was read. */
const handle = CommandHandler({ evolve, initialState, mapToStreamId: (id) => `ticket-${id}` });

const onOpen = (decide) => (ticket) => {
  if (ticket.status === null) throw new Error("there is no ticket with this id");
  if (ticket.status === CLOSED) throw new Error("the ticket is closed");
  return decide(ticket);
};

/** The story of one ticket: five commands, one event each. */
const story = () => [
  (ticket) => {
    if (ticket.status !== null) throw new Error("there is a ticket with this id");
    const name = "The printer on floor 3 burns";
    return { type: "Opened", data: { name, pipeline: PIPELINE, status: OPEN, source: "api" } };
  },
  onOpen((ticket) => {
    if (ticket.owner === AGENT) throw new Error("this would change nothing");
    return { type: "Assigned", data: { from: ticket.owner, to: AGENT, reason: "manual" } };
  }),
  onOpen(() => {
    return { type: "Commented", data: { comment: uuid(), author: AGENT, text: COMMENT, mentions: [] } };
  }),
  onOpen((ticket) => {
    if (ticket.priority === "Urgent") throw new Error("this would change nothing");
    return { type: "PriorityChanged", data: { from: ticket.priority, to: "Urgent" } };
  }),
  onOpen((ticket) => {
    return { type: "StatusChanged", data: { pipeline: PIPELINE, from: ticket.status, to: CLOSED } };
  }),
];

/** Ordered by time, as the ids of the other peers are. */
const uuid = () => {
  const time = Date.now().toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
};

/** The tables are made beforehand: left to the first commands, each would hold a connection and wait for another one to make them. */
const open = (max) => {
  const pool = new pg.Pool({ connectionString: url, max });
  const store = getPostgreSQLEventStore(url, { connectionOptions: { pool }, schema: { autoMigration: "None" } });
  return { pool, store };
};

const close = async ({ pool, store }) => {
  await store.close();
  await pool.end();
};

/** Ticket after ticket until an instant; without one, a single ticket. */
const caller = async (store, until, took) => {
  do {
    const id = uuid();
    for (const decide of story()) {
      const sent = performance.now();
      if (until !== undefined && sent >= until) return;
      await handle(store, id, decide);
      took.push(performance.now() - sent);
    }
  } while (until !== undefined);
};

const commands = async ({ callers, seconds, pool: max }) => {
  const opened = open(max);
  const everyone = (until, took) => Promise.all(Array.from({ length: callers }, () => caller(opened.store, until, took)));
  const [warm, took] = [[], []];
  await everyone(undefined, warm);
  const started = performance.now();
  await everyone(started + seconds * 1000, took);
  const elapsed = (performance.now() - started) / 1000;
  await close(opened);
  took.sort((a, b) => a - b);
  const part = (of) => took[Math.floor((took.length - 1) * of)] ?? 0;
  const [p50_ms, p99_ms] = [part(0.5), part(0.99)];
  const events = warm.length + took.length;
  return { measured: { commands: took.length, seconds: elapsed, p50_ms, p99_ms, retries: 0, events } };
};

const prepare = async () => {
  const opened = open(1);
  await opened.store.schema.migrate();
  await close(opened);
  return "done";
};

const query = async (text, values) => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const result = await client.query(text, values);
  await client.end();
  return result.rows;
};

const count = async () => {
  const [row] = await query("select count(*)::integer as events from emt_messages");
  return { events: row.events };
};

/** One ticket through the library, then copies of it. */
const fill = async ({ events }) => {
  const opened = open(1);
  await caller(opened.store, undefined, []);
  await close(opened);
  await query("create unlogged table copy as select number, 'ticket-' || gen_random_uuid() as id from generate_series(2, $1::integer) as number", [
    Math.floor(events / 5),
  ]);
  await query(
    `insert into emt_streams (stream_id, stream_position, partition, stream_type, stream_metadata, is_archived)
     select copy.id, sample.stream_position, sample.partition, sample.stream_type, sample.stream_metadata, sample.is_archived
     from copy, (select * from emt_streams limit 1) as sample`,
  );
  await query(
    `insert into emt_messages (stream_position, transaction_id, is_archived, message_kind, stream_id, partition, message_schema_version,
                               message_id, message_type, message_data, message_metadata)
     select sample.stream_position, pg_current_xact_id(), sample.is_archived, sample.message_kind, copy.id, sample.partition,
            sample.message_schema_version, gen_random_uuid()::text, sample.message_type, sample.message_data, sample.message_metadata
     from copy, (select * from emt_messages) as sample order by copy.number, sample.stream_position`,
  );
  await query("drop table copy");
  return "done";
};

const TABLE = `create table if not exists ticket_list (
  ticket uuid primary key,
  name text not null,
  status uuid not null,
  owner uuid,
  priority text not null,
  comments integer not null)`;

const write = ({ type, data, metadata }) => {
  const ticket = metadata.streamName.slice("ticket-".length);
  switch (type) {
    case "Opened":
      return sql(
        "insert into ticket_list (ticket, name, status, priority, comments) values (%L, %L, %L, 'None', 0) on conflict (ticket) do nothing",
        ticket,
        data.name,
        data.status,
      );
    case "Assigned":
      return sql("update ticket_list set owner = %L where ticket = %L", data.to, ticket);
    case "Commented":
      return sql("update ticket_list set comments = comments + 1 where ticket = %L", ticket);
    case "PriorityChanged":
      return sql("update ticket_list set priority = %L where ticket = %L", data.to, ticket);
    case "StatusChanged":
      return sql("update ticket_list set status = %L where ticket = %L", data.to, ticket);
    default:
      throw new Error(`unknown event ${type}`);
  }
};

/** The default of 100 events a batch reads the whole table for each 100: there is no index on the position. */
const BATCH = Number(process.env.EMMETT_BATCH ?? 10_000);

const catchUp = async ({ seconds }) => {
  const { events } = await count();
  await query(TABLE);
  await query("truncate ticket_list");
  const opened = open(10);
  let folded = 0;
  const projection = postgreSQLRawSQLProjection({
    name: "ticket_list",
    canHandle: ["Opened", "Assigned", "Commented", "PriorityChanged", "StatusChanged"],
    evolve: (event) => {
      folded += 1;
      return write(event);
    },
    init: () => rawSql(TABLE),
  });
  const consumer = opened.store.consumer({ pulling: { batchSize: BATCH, pullingFrequencyInMs: 0 } });
  consumer.projector({ processorId: "ticket_list", projection });
  const started = performance.now();
  const running = consumer.start();
  running.catch((error) => {
    console.error(error);
    process.exit(1);
  });
  while (folded < events && performance.now() - started < seconds * 1000) await sleep(5);
  const answer = { caught_up: { events: folded, seconds: (performance.now() - started) / 1000 } };
  // A batch is not given up in its middle: the driver ends the program.
  return answer;
};

const answer = async (request) => {
  switch (request.do) {
    case "prepare":
      return prepare();
    case "commands":
      return commands(request);
    case "count":
      return count();
    case "fill":
      return fill(request);
    case "catch_up":
      return catchUp(request);
    default:
      throw new Error(`unknown request ${request.do}`);
  }
};

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answer(JSON.parse(line)))}\n`);
}
process.exit(0);
