"""CloudFormation templates beside the stack of a stage, and the documents made from them.

bootstrap.json  the roles and policies with which a stage is deployed and operated
pipeline.json   a pipeline of CodePipeline and CodeBuild
policies.py     docs/iam.md, from bootstrap.json
cost.py         the costs in docs/deploying.md
"""
