import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from '../cluster/command.ts';

/** A git repository as actions/checkout leaves it in the workspace. */
export class Repository {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  async git(...args: readonly string[]): Promise<string> {
    const settings = [
      '-c',
      'user.name=Ada',
      '-c',
      'user.email=ada@example.com',
      '-c',
      'protocol.file.allow=always',
    ];
    return (await run('git', [...settings, '-C', this.folder, ...args])).trim();
  }

  async write(files: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(this.folder, name)), { recursive: true });
      await writeFile(join(this.folder, name), text);
    }
  }

  /** Begins with these files in the first commit. */
  async begin(files: Readonly<Record<string, string>>): Promise<string> {
    await this.git('init', '--quiet', '--initial-branch=main');
    await this.write(files);
    return await this.commit();
  }

  /** Everything that differs, or nothing at all, as the next commit. */
  async commit(): Promise<string> {
    await this.git('add', '--all');
    await this.git('commit', '--quiet', '--allow-empty', '--message=Change');
    return await this.git('rev-parse', 'HEAD');
  }
}
