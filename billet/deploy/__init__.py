"""The commands `billet deploy` and `billet destroy`.

command       billet deploy, step by step
destroy       billet destroy
place         the account, region and stage, and the names that follow from them
package       the zip and the template of the stage
parameters    the values of the template's parameters
fixed         the settings that are fixed in the template
artifacts     the bucket, and what is uploaded into it
stack         the stack's state, its previous template, its outputs
change_set    changes of the stack: create, show, apply
events        the stack's events: progress, and why a resource failed
smoke         requests to the deployed API
"""
