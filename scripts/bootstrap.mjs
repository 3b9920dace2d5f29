// The first thing that runs on a fresh clone, with whatever node the machine has: installs what the lockfile
// names when that was not done yet, then hands over to the project's own node.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** npm leaves its own copy of the lockfile in node_modules; the packages named in both must agree. */
function isInstalled() {
  try {
    const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
    const have = JSON.parse(readFileSync(join(root, 'node_modules', '.package-lock.json'), 'utf8')).packages;
    return Object.entries(wanted).every(
      ([path, { version, optional }]) => path === '' || optional || have[path]?.version === version,
    );
  } catch {
    return false;
  }
}

function run(file, args) {
  const { status, signal, error } = spawnSync(file, args, { cwd: root, stdio: 'inherit' });
  if (error) {
    console.error(`${file} could not be started: ${error.message}`);
    process.exit(1);
  }
  if (status !== 0) process.exit(signal === null ? status : 1);
}

if (!isInstalled()) {
  console.log('Installing the packages of package-lock.json …');
  // Not `npm ci`: it refuses a lockfile that lacks the optional packages of other platforms, and a mirror that
  // does not carry them leaves them out. What is in the lockfile is installed as it says, and it is not written.
  run('npm', ['install', '--no-save', '--no-audit', '--no-fund']);
}
run(join(root, 'node_modules', '.bin', 'node'), process.argv.slice(2));
