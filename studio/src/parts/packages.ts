// What an environment's Python is made of, for people; pure.
import type { PythonSection } from '../api/types';

export interface Packages {
  python: string;
  conda: string[];
  pip: string[];
  channels: string[];
  /** In one line. */
  short: string;
}

export function packagesOf(section: PythonSection | undefined): Packages {
  const conda: string[] = [];
  const pip: string[] = [];
  for (const dependency of section?.conda?.dependencies ?? []) {
    if (typeof dependency === 'string') conda.push(dependency);
    else pip.push(...dependency.pip);
  }
  const isPython = (name: string) => /^python\b(?!-)/.test(name);
  const asked = conda.find(isPython);
  const python = section?.base_conda_environment
    ? `conda environment ${section.base_conda_environment}`
    : (asked ?? (section?.interpreter && section.interpreter !== 'python' ? section.interpreter : 'Python of who submits'));
  const packages = [...conda.filter((name) => !isPython(name)), ...pip];
  const few = packages.slice(0, 6).join(', ') + (packages.length > 6 ? `, … (${packages.length})` : '');
  return {
    python,
    conda: conda.filter((name) => !isPython(name)),
    pip,
    channels: section?.conda?.channels ?? [],
    short: [python, section?.user_managed ? 'used as it is' : few].filter(Boolean).join(' · '),
  };
}
