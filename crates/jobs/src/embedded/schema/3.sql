-- The id of a job that another engine has; `job` and `job_nonce` are then a hash of it. NULL for our own.
ALTER TABLE delivery ADD COLUMN job_name TEXT;
