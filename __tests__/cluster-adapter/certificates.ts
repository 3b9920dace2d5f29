import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from './kit.ts';

export interface Pair {
  readonly cert: string;
  readonly key: string;
  readonly certFile: string;
  readonly keyFile: string;
}

export interface Issued {
  readonly ca: Pair;
  issue(name: string, options?: { names?: string; from?: string; to?: string }): Pair;
}

/** A certificate authority of the test's own. Dates are YYYYMMDDHHMMSSZ. */
export function authority(name = 'test-ca'): Issued {
  const folder = temporaryFolder();
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const pair = (base: string): Pair => {
    const certFile = join(folder, `${base}.crt`);
    const keyFile = join(folder, `${base}.key`);
    return { certFile, keyFile, cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
  };
  const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...EC,
    '-subj',
    `/CN=${name}`,
    '-days',
    '30',
    '-keyout',
    'ca.key',
    '-out',
    'ca.crt',
  );
  return {
    ca: pair('ca'),
    issue: (common, { names = 'IP:127.0.0.1', from, to } = {}) => {
      const base = common.replace(/\W/g, '-');
      writeFileSync(join(folder, 'ext'), `subjectAltName=${names}\n`);
      writeFileSync(
        join(folder, 'serial'),
        `${Math.floor(Math.random() * 1e9)
          .toString()
          .padStart(10, '1')}\n`,
      );
      writeFileSync(join(folder, 'index'), '');
      writeFileSync(
        join(folder, 'ca.conf'),
        '[ca]\ndefault_ca=d\n[d]\ndatabase=index\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n',
      );
      openssl('req', ...EC, '-subj', `/CN=${common}`, '-keyout', `${base}.key`, '-out', `${base}.csr`);
      const dates = ['-startdate', from ?? '20200101000000Z', '-enddate', to ?? '20450101000000Z'];
      const files = ['-in', `${base}.csr`, '-out', `${base}.crt`, '-cert', 'ca.crt', '-keyfile', 'ca.key'];
      openssl('ca', '-batch', '-notext', '-config', 'ca.conf', '-extfile', 'ext', ...files, ...dates);
      return pair(base);
    },
  };
}
