# Run by the benchmarks in an empty folder: unpacks ttyd and its libraries from Debian's testing release into `root`.
# The lists are kept in `apt`, apart from the system's; the mirror is the one the system already uses.

mirror=$(apt-get indextargets --format '$(ORIGIN) $(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
  grep '^Debian ' | grep -v -e -security -e -updates -e -backports | head -n 1 | cut -d ' ' -f 3)
[ -n "$mirror" ] || { echo "the system's lists name no mirror of Debian: run apt-get update once"; exit 1; }

mkdir -p apt/lists/partial apt/cache/archives/partial apt/etc/preferences.d apt/etc/apt.conf.d root lib plugins
: > apt/status
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror testing main" > apt/etc/sources.list
cat > apt/conf << END
Dir::State "$PWD/apt";
Dir::State::status "$PWD/apt/status";
Dir::Cache "$PWD/apt/cache";
Dir::Etc "$PWD/apt/etc";
APT::Sandbox::User "";
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
# A mirror that is some days behind is good enough; that the packages are signed is still checked.
Acquire::Check-Valid-Until "false";
Debug::NoLocking "true";
END
export APT_CONFIG="$PWD/apt/conf"
apt-get update --quiet
apt-get install --quiet --yes --download-only ttyd
for package in apt/cache/archives/*.deb; do dpkg-deb --extract "$package" root; done
rm -r apt

loader=$(find root -name 'ld-linux*.so.*' | head -n 1)
ln -s "$loader" loader
# All libraries in one folder, for the loader; the plugin of the event loop in another, where its own library looks.
find root -name '*.so*' -not -name '*evlib*' -exec ln -sf "$PWD/{}" lib/ ';'
find root -name '*evlib*.so' -exec ln -s "$PWD/{}" plugins/ ';'
./loader --library-path "$PWD/lib" root/usr/bin/ttyd --version
