"""Backup of the four databases and of the files in the bucket, and a restore that proves what it restored.

A backup is a folder:

```
backup.json            the time; of each dump its SHA-256, the server's version, and the last signed checkpoint of the audit log
                       as it stood before the dump began; of the files how many, and the SHA-256 of their list
SERVICE.dump           pg_dump's custom form
notify.files           the list of the files that are in the bucket: SHA-256 and name, as sha256sum writes it
files/NAME             each of them, encrypted as it is in the bucket
notify.files.absent    those that the dump's rows name and that were not to be had: deleted meanwhile, or missing
```
"""
