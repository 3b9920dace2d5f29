import { expect, test } from 'vitest';
import { quoteOf, telling } from '../../src/report/quote.ts';
import { crashed } from './samples.ts';

test.each<[string, string, string | undefined]>([
  [
    'Node prints the trace below the message',
    `/app/server.js:12
    throw new Error('cannot connect to database at db:5432');
    ^

Error: cannot connect to database at db:5432
    at Object.<anonymous> (/app/server.js:12:9)
    at node:internal/main/run_main_module:33:47

Node.js v24.1.0`,
    'cannot connect to database at db:5432',
  ],
  [
    'Python prints the message last',
    `Traceback (most recent call last):
  File "/app/main.py", line 3, in <module>
    connect(os.environ['DB'])
KeyError: 'DB'`,
    "KeyError: 'DB'",
  ],
  [
    'Java prints the root cause last',
    `Exception in thread "main" java.lang.IllegalStateException: no pool
\tat com.acme.Shop.main(Shop.java:12)
Caused by: java.net.ConnectException: Connection refused
\tat java.base/sun.nio.ch.Net.connect0(Native Method)
\t... 3 more`,
    'Caused by: java.net.ConnectException: Connection refused',
  ],
  [
    'Go prints goroutines below the panic',
    `panic: open /etc/app.yaml: no such file or directory

goroutine 1 [running]:
main.main()
\t/app/main.go:5 +0x1d
exit status 2`,
    'panic: open /etc/app.yaml: no such file or directory',
  ],
  [
    'Rust prints the message below the place',
    `thread 'main' panicked at src/main.rs:2:5:
DATABASE_URL is not set
note: run with \`RUST_BACKTRACE=1\` environment variable to display a backtrace`,
    "thread 'main' panicked at src/main.rs:2:5: DATABASE_URL is not set",
  ],
  [
    'a structured log is read by its message, a level tells an error',
    `{"level":50,"time":1,"msg":"db is away"}
{"level":30,"time":2,"msg":"bye"}`,
    'db is away',
  ],
  [
    'a time in front is left out',
    '2026-11-20T14:03:31.120Z FATAL: role "shop" does not exist',
    'FATAL: role "shop" does not exist',
  ],
  [
    'a shell that cannot find a program',
    'starting\n/entrypoint.sh: line 3: foo: not found',
    '/entrypoint.sh: line 3: foo: not found',
  ],
  ['without a word of an error, the last line', 'starting\nlistening on 8080\n\n', 'listening on 8080'],
  [
    'a sentence that begins like a frame is none',
    'at startup: cannot read config',
    'at startup: cannot read config',
  ],
  ['nothing was written', '\n\n', undefined],
])('telling: %s', (_, log, line) => {
  expect(telling(log.split('\n'))).toBe(line);
});

const failure = { code: 'crash', message: 'm', advice: 'a' } as const;
const DIGEST = `sha256:${'9f8e7d6c'.repeat(8)}`;

test.each([
  [
    'the cluster is quoted before the app',
    crashed({ failure: { ...failure, quote: 'said so' } }),
    '"said so"',
  ],
  ['the app is quoted when it crashed', crashed({ failure }), '"cannot connect to database at db:5432"'],
  [
    'the app is not quoted when it ran out of memory',
    crashed({ failure: { ...failure, code: 'out-of-memory' } }),
    undefined,
  ],
  [
    'what holds double quotes is put in single ones',
    crashed({ failure: { ...failure, quote: 'exec: "/x"' } }),
    `'exec: "/x"'`,
  ],
  [
    'what the message says already is not quoted again',
    crashed({
      failure: {
        ...failure,
        code: 'cannot-start',
        message: 'container web cannot start: exec: "/x": no such file (no progress for 6 s)',
        quote: 'runc create failed: exec: "/x": no such file: unknown',
      },
    }),
    undefined,
  ],
  [
    'another cause than that of the message is quoted',
    crashed({ failure: { ...failure, message: 'container web: not ready', quote: 'container web: 503' } }),
    '"container web: 503"',
  ],
  [
    'a pull that failed is quoted from its cause on',
    crashed({
      failure: {
        ...failure,
        message: 'container web: image r/a cannot be pulled: unauthorized',
        quote: 'failed to pull and unpack image "r/a": failed to resolve reference "r/a": pull access denied',
      },
    }),
    '"pull access denied"',
  ],
  ['lines become one', crashed({ failure: { ...failure, quote: 'a\r\n  b\u2028c' } }), '"a b c"'],
  [
    'digests are cut short',
    crashed({ failure: { ...failure, quote: `no a@${DIGEST}: gone` } }),
    '"no a@sha256:9f8e7d6c…: gone"',
  ],
  [
    'a long quote is cut',
    crashed({ failure: { ...failure, quote: 'x'.repeat(500) } }),
    `"${'x'.repeat(199)}…"`,
  ],
])('%s', (_, workload, quote) => {
  expect(quoteOf(workload)).toBe(quote);
});
