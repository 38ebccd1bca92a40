// better-sqlite3 in a process of its own, for compare.py: the same requests and answers as compare_worker.py.
//
// Usage: node compare_worker.js FOLDER-OF-node_modules WORKLOAD
'use strict';

const fs = require('fs');
const path = require('path');
const readline = require('readline');
const Database = require(path.join(process.argv[2], 'node_modules', 'better-sqlite3'));

const WARM_UP = 20;
const workload = JSON.parse(fs.readFileSync(process.argv[3], 'utf8'));
const rows = workload.rows.map(([app, line, folder, start, duration, code]) => [
  app, line, folder, Math.trunc(start * 1e6), Math.trunc(duration * 1e6), code, code ? 'failed' : 'ok',
]);

function opened(file) {
  const db = new Database(file);
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = NORMAL');
  db.exec(`
    CREATE TABLE runs (
        id INTEGER PRIMARY KEY, app TEXT NOT NULL, cmdline TEXT NOT NULL, cwd TEXT, started_at INTEGER NOT NULL,
        duration INTEGER, exit_code INTEGER, status TEXT NOT NULL
    );
    CREATE INDEX runs_started ON runs (started_at);
    CREATE TABLE memory (key TEXT PRIMARY KEY, value TEXT NOT NULL, updated_at INTEGER);
  `);
  return db;
}

function tasks(db) {
  const insert = db.prepare(
    'INSERT INTO runs (app, cmdline, cwd, started_at, duration, exit_code, status) VALUES (?, ?, ?, ?, ?, ?, ?)');
  const save = db.prepare(`INSERT INTO memory (key, value, updated_at) VALUES (?, ?, 0)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at`);
  const fetch = db.prepare('SELECT value FROM memory WHERE key = ?');
  const begun = db.transaction((row) => insert.run(row));
  return {
    loop: db.transaction((given) => { for (const row of given) insert.run(row); }).immediate,
    single: (row) => insert.run(row),
    begun: begun.immediate,
    remember: ([key, value]) => save.run(key, JSON.stringify(value)),
    recall: (key) => JSON.parse(fetch.get(key).value),
  };
}

function spent(since) {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1e6;
}

function whole(work, count) {
  work(rows.slice(0, WARM_UP));
  const chosen = rows.slice(-count);
  const [begin, cpu] = [performance.now(), process.cpuUsage()];
  work(chosen);
  return { count: chosen.length, seconds: (performance.now() - begin) / 1e3, cpu: spent(cpu) };
}

function each(work, given, count) {
  given.slice(0, WARM_UP).forEach(work);
  const chosen = given.slice(-count);
  const times = new Float64Array(chosen.length);
  const [begin, cpu] = [performance.now(), process.cpuUsage()];
  for (let number = 0; number < chosen.length; number += 1) {
    const before = performance.now();
    work(chosen[number]);
    times[number] = performance.now() - before;
  }
  const seconds = (performance.now() - begin) / 1e3;
  const processor = spent(cpu);
  times.sort();
  const at = (share) => times[Math.min(times.length - 1, Math.trunc(times.length * share))] * 1e3;
  return { count: chosen.length, seconds, cpu: processor, p50: at(0.5), p99: at(0.99), most: at(1) };
}

function answer(request) {
  const db = opened(request.path);
  try {
    const can = tasks(db);
    if (request.task === 'loop') return whole(can.loop, request.count);
    if (request.task === 'recall') workload.items.forEach(can.remember);
    const given = { remember: workload.writes, recall: workload.reads }[request.task] || rows;
    return each(can[request.task], given, request.count);
  } finally {
    db.close();
  }
}

console.log(JSON.stringify({ labels: {
  loop: 'run in transaction()',
  single: 'run, autocommit',
  begun: 'transaction() of one run',
  remember: 'upsert with JSON',
  recall: 'get with JSON',
} }));
readline.createInterface({ input: process.stdin }).on('line', (line) => {
  console.log(JSON.stringify(answer(JSON.parse(line))));
});
