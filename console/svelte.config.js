/** Runes everywhere; warnings are errors of ours, those of packages are not. */
export default { compilerOptions: { runes: true } };
